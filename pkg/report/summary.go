package report

import "time"

// Summary is everything a run says in the end: summary.json, and what every other rendering is made of. A nil number is
// absent, never 0. Keys and definitions are those of docs/metrics.md.
type Summary struct {
	Schema  int       `json:"schema"`
	Name    string    `json:"name"`
	RunID   string    `json:"run_id"`
	Started time.Time `json:"started"`

	Verdict Verdict `json:"verdict"`
	// Partial is true when the run did not get to the end of both passes.
	Partial bool `json:"partial"`
	// Reasons are why the verdict is not Valid, the weightiest first; empty when it is.
	Reasons []Reason `json:"reasons"`
	// Notes inform and change nothing.
	Notes      []Note     `json:"notes"`
	Thresholds Thresholds `json:"thresholds"`

	Totals
	// ArrivalBound is true when the arrivals, and not the server, may decide the derived figures.
	ArrivalBound bool `json:"arrival_bound"`

	// TTFTSource is what TTFT, Queue, Decode, TPOT and TPOTSqzb of both passes were taken by.
	TTFTSource TTFTSource `json:"ttft_source"`
	FullDistributions
	Summarization SummarizationDistributions `json:"summarization"`

	// ICLSpikes counts the gaps of icl_ms that are longer than 4 times their median.
	ICLSpikes *int `json:"icl_spikes"`

	Requests Requests `json:"requests"`
	Client   Client   `json:"client"`
	Proof    Proof    `json:"proof"`
	Phases   RunTimes `json:"phases"`

	// Model, Dataset, Load, Server and Timings are facts, for the reader of the numbers; nil when the run did not get so far as to
	// know them. Server is what the server of the full pass said of itself.
	Model   Model        `json:"model"`
	Dataset *DatasetInfo `json:"dataset"`
	Load    *LoadInfo    `json:"load"`
	Server  *ServerInfo  `json:"server"`
	Timings *Timings     `json:"timings"`
}

// Totals are the numbers of the run as a whole, by wall clocks of the client: tokens, seconds, tokens per second.
type Totals struct {
	TotalInputTokens        *int     `json:"total_input_tokens"`
	TotalGeneratedTokens    *int     `json:"total_generated_tokens"`
	EndToEndLatency         *float64 `json:"end_to_end_latency_s"`
	SummarizationLatency    *float64 `json:"summarization_latency_s"`
	GenerationLatency       *float64 `json:"generation_latency_s"`
	SummarizationThroughput *float64 `json:"summarization_throughput_tok_s"`
	EndToEndThroughput      *float64 `json:"end_to_end_throughput_tok_s"`
	GenerationThroughput    *float64 `json:"generation_throughput_tok_s"`
	RequestThroughput       *float64 `json:"request_throughput_req_s"`
	// MeasuredGenerationLatency is how long at least one request of the full pass was between its first and last token;
	// MeasuredGenerationThroughput is by it.
	MeasuredGenerationLatency    *float64 `json:"measured_generation_latency_s"`
	MeasuredGenerationThroughput *float64 `json:"measured_generation_throughput_tok_s"`
	// MeanRunningBatch is tokens per step of the server's engine, full pass.
	MeanRunningBatch *float64 `json:"mean_running_batch"`
}

// FullDistributions are over the successful requests of the full pass, in milliseconds. What the source cannot give is an
// empty Distribution, and one of means only has N and Mean.
type FullDistributions struct {
	TTFT       Distribution `json:"ttft_ms"`
	Queue      Distribution `json:"queue_ms"`
	Decode     Distribution `json:"decode_ms"`
	ClientTTFT Distribution `json:"client_ttft_ms"`
	TPOT       Distribution `json:"tpot_ms"`
	ClientTPOT Distribution `json:"client_tpot_ms"`
	TPOTSqzb   Distribution `json:"tpot_sqzb_ms"`
	ICL        Distribution `json:"icl_ms"`
	// ITL equals ICL where every chunk carried exactly one token, and is nil elsewhere.
	ITL         *Distribution `json:"itl_ms"`
	E2EL        Distribution  `json:"e2el_ms"`
	ScheduleLag Distribution  `json:"schedule_lag_ms"`
}

// SummarizationDistributions are over the successful requests of the summarization pass, in milliseconds.
type SummarizationDistributions struct {
	TTFT        Distribution `json:"ttft_ms"`
	Queue       Distribution `json:"queue_ms"`
	ClientTTFT  Distribution `json:"client_ttft_ms"`
	E2EL        Distribution `json:"e2el_ms"`
	ScheduleLag Distribution `json:"schedule_lag_ms"`
}

// Requests counts the requests of each pass; nil for a pass that the run did not get to.
type Requests struct {
	Full          *RequestCounts `json:"full"`
	Summarization *RequestCounts `json:"summarization"`
}

// RequestCounts is how the requests of one pass ended.
type RequestCounts struct {
	Planned    int `json:"planned"`
	Successful int `json:"successful"`
	Failed     int `json:"failed"`
	// Errors counts the failed requests by error class; empty when none failed.
	Errors map[string]int `json:"errors"`
}

// Proof is what the server's counters prove of each pass; nil where nothing is known.
type Proof struct {
	Full          *PassProof `json:"full"`
	Summarization *PassProof `json:"summarization"`
}

// RunTimes is where the wall time of the run went, in seconds.
type RunTimes struct {
	Full          *PassTimes `json:"full"`
	Summarization *PassTimes `json:"summarization"`
	// Total is the whole run, Own what is left of it after the phases of both passes: this program's own share. Both are
	// nil when the run did not end in order.
	Total *float64 `json:"total_s"`
	Own   *float64 `json:"own_s"`
}

// PassTimes are the phases of one pass in seconds; nil for a phase that was not reached.
type PassTimes struct {
	Start  *float64 `json:"start_s"`
	Warmup *float64 `json:"warmup_s"`
	Pass   *float64 `json:"pass_s"`
	Stop   *float64 `json:"stop_s"`
}
