package selftest

import "time"

// Schema is the version of the format of a Result.
const Schema = 1

// Result is what a selftest found: what --json prints and what is stored.
type Result struct {
	Schema int `json:"schema"`
	// Time is when it began.
	Time time.Time `json:"time"`
	// Version is that of this program.
	Version string `json:"version"`
	Host    Host   `json:"host"`
	// IntervalMS is from token to token of a stream, DurationS how long the streams were, PromptTokens the length of prompts.
	IntervalMS   float64 `json:"interval_ms"`
	DurationS    float64 `json:"duration_s"`
	PromptTokens int     `json:"prompt_tokens"`
	// ClientCPUs and ServerCPUs are the processors that each was confined to; empty for not at all.
	ClientCPUs []int `json:"client_cpus"`
	ServerCPUs []int `json:"server_cpus"`
	// Stamps is "kernel" where the kernel stamped what was received, and "user" where this program did; StampsWhy is why then.
	Stamps    string `json:"stamps"`
	StampsWhy string `json:"stamps_why,omitempty"`
	// Levels are the rungs of the ladder, fewest streams first.
	Levels []Level `json:"levels"`
	// Limit is the level with the most events per second among those that were exact; nil when none was.
	Limit *Limit `json:"limit"`
	// Sentence says the same in words.
	Sentence string `json:"sentence"`
}

// Limit is up to where the client is exact, as far as was tried.
type Limit struct {
	Streams         int     `json:"streams"`
	TokensPerSecond float64 `json:"tokens_per_s"`
}

// Level is what was found with so many streams at once. What is not known is null.
type Level struct {
	Streams int `json:"streams"`
	// Events is how many tokens came, EventsPerSecond how many a second were sent while all streams ran.
	Events          int     `json:"events"`
	EventsPerSecond float64 `json:"events_per_s"`
	// Failed is how many requests failed, Failure the first one's reason.
	Failed  int    `json:"failed_requests"`
	Failure string `json:"failure,omitempty"`
	// Lost and Extra are events that were sent and did not come, or the other way round.
	Lost  int `json:"lost_events"`
	Extra int `json:"extra_events"`
	// ITLError is how far the gap between two tokens that the client saw is from the gap between their sending, TTFTError how far the
	// instant of the first token that the client saw is from that of its sending: absolute values in microseconds.
	ITLError  *Spread `json:"itl_error_us"`
	TTFTError *Spread `json:"ttft_error_us"`
	// ScheduleLag is how late requests were sent, in microseconds.
	ScheduleLag *Spread `json:"schedule_lag_us"`
	// ClientLag is how long tokens lay in the kernel until the client had read them, in microseconds; null with user stamps.
	ClientLag *Spread `json:"client_lag_us"`
	// Coalesced is the share of tokens that came out of the same read as the one before.
	Coalesced float64 `json:"coalesced_share"`
	// CPUPerEvent is this process's processor time per token in microseconds, all else that it did included; CPUShare the share of
	// its cores' time.
	CPUPerEvent float64 `json:"cpu_us_per_event"`
	CPUShare    float64 `json:"cpu_share"`
	// MemoryPerStream is by how much this process grew, in bytes per stream: connection, buffers, the request, its stamps.
	MemoryPerStream *float64 `json:"memory_bytes_per_stream"`
	// Seen are the times as the client measured them, True as the metronome sent.
	Seen *Times `json:"seen"`
	True *Times `json:"true"`
	// ServerLate is how long after they were due the metronome sent tokens, in microseconds; ServerCPUShare its share of a core,
	// ServerBuffered how many tokens its sockets did not take at once.
	ServerLate     *Spread `json:"server_late_us"`
	ServerCPUShare float64 `json:"server_cpu_share"`
	ServerBuffered int     `json:"server_buffered_events"`
	// Exact tells whether nothing failed or was lost and the p99 of the ITL error is below a millisecond.
	Exact bool `json:"exact"`
}

// Times are what a benchmark reports.
type Times struct {
	// MedianITL and P99ITL are of the gaps between tokens, MedianTTFT from request to first token, in milliseconds.
	MedianITL  float64 `json:"median_itl_ms"`
	P99ITL     float64 `json:"p99_itl_ms"`
	MedianTTFT float64 `json:"median_ttft_ms"`
}

// exactBelow is the p99 of the ITL error up to which a client is exact, in microseconds: a twentieth of a usual gap.
const exactBelow = 1000

func (l *Level) isExact() bool {
	return l.Failed == 0 && l.Lost == 0 && l.Extra == 0 && l.ITLError != nil && l.ITLError.P99 < exactBelow
}

// limit is the exact level with the most events per second; nil when there is none.
func limit(levels []Level) *Limit {
	var best *Limit
	for _, l := range levels {
		if l.Exact && (best == nil || l.EventsPerSecond > best.TokensPerSecond) {
			best = &Limit{Streams: l.Streams, TokensPerSecond: l.EventsPerSecond}
		}
	}
	return best
}
