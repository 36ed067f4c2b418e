//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The parts of the published files that are checked; names are those of the documentation.
type (
	summary struct {
		Verdict string   `json:"verdict"`
		Partial bool     `json:"partial"`
		Reasons []reason `json:"reasons"`

		TotalInputTokens        *int     `json:"total_input_tokens"`
		TotalGeneratedTokens    *int     `json:"total_generated_tokens"`
		EndToEndLatency         *float64 `json:"end_to_end_latency_s"`
		SummarizationLatency    *float64 `json:"summarization_latency_s"`
		GenerationLatency       *float64 `json:"generation_latency_s"`
		SummarizationThroughput *float64 `json:"summarization_throughput_tok_s"`
		EndToEndThroughput      *float64 `json:"end_to_end_throughput_tok_s"`
		GenerationThroughput    *float64 `json:"generation_throughput_tok_s"`
		RequestThroughput       *float64 `json:"request_throughput_req_s"`

		TTFTSource string       `json:"ttft_source"`
		TTFT       distribution `json:"ttft_ms"`
		Queue      distribution `json:"queue_ms"`
		Decode     distribution `json:"decode_ms"`
		ClientTTFT distribution `json:"client_ttft_ms"`
		TPOT       distribution `json:"tpot_ms"`
		ClientTPOT distribution `json:"client_tpot_ms"`
		ICL        distribution `json:"icl_ms"`

		Summarization struct {
			TTFT  distribution `json:"ttft_ms"`
			Queue distribution `json:"queue_ms"`
		} `json:"summarization"`

		Proof struct {
			Full          *passProof `json:"full"`
			Summarization *passProof `json:"summarization"`
		} `json:"proof"`

		Client struct {
			Full *passClient `json:"full"`
		} `json:"client"`
		Requests struct {
			Full          *requestCounts `json:"full"`
			Summarization *requestCounts `json:"summarization"`
		} `json:"requests"`
		Phases struct {
			Full          *passTimes `json:"full"`
			Summarization *passTimes `json:"summarization"`
			Total         *float64   `json:"total_s"`
			Own           *float64   `json:"own_s"`
		} `json:"phases"`
	}
	reason struct {
		Rule string `json:"rule"`
		Text string `json:"text"`
	}
	distribution struct {
		N      int      `json:"n"`
		Mean   *float64 `json:"mean"`
		Median *float64 `json:"median"`
		P99    *float64 `json:"p99"`
	}
	passClient struct {
		Stamps      string       `json:"stamps"`
		Lag         distribution `json:"lag_ms"`
		Unstamped   *int         `json:"unstamped_chunks"`
		ClockSteps  *int         `json:"clock_steps"`
		CPUPerChunk *float64     `json:"cpu_us_per_chunk"`
	}
	passProof struct {
		FinishedRequests *int           `json:"finished_requests"`
		Finished         map[string]int `json:"finished"`
		PromptTokens     *int           `json:"prompt_tokens"`
		GenerationTokens *int           `json:"generation_tokens"`
		PrefixQueries    *int           `json:"prefix_cache_queries"`
		PrefixHits       *int           `json:"prefix_cache_hits"`
		MaxCachedTokens  *int           `json:"max_cached_tokens"`
		Preemptions      *int           `json:"preemptions"`
		KVCacheTokens    *int           `json:"kv_cache_tokens"`
	}
	requestCounts struct {
		Planned    int `json:"planned"`
		Successful int `json:"successful"`
		Failed     int `json:"failed"`
	}
	passTimes struct {
		Start  *float64 `json:"start_s"`
		Warmup *float64 `json:"warmup_s"`
		Pass   *float64 `json:"pass_s"`
		Stop   *float64 `json:"stop_s"`
	}
	manifest struct {
		RunID             string         `json:"run_id"`
		Passes            []manifestPass `json:"passes"`
		LaunchDifferences []string       `json:"launch_differences"`
		Interrupted       string         `json:"interrupted"`
		Failure           *failure       `json:"failure"`
		Timings           struct {
			Wanted string   `json:"wanted"`
			Source string   `json:"source"`
			Added  []string `json:"added"`
		} `json:"timings"`
	}
	manifestPass struct {
		Name          string `json:"name"`
		Launch        launch `json:"launch"`
		PromptsSHA256 string `json:"prompts_sha256"`
		Server        struct {
			Version     string `json:"version"`
			MaxModelLen int    `json:"max_model_len"`
		} `json:"server"`
		ServerExit *serverExit `json:"server_exit"`
	}
	launch struct {
		Argv        []string `json:"argv"`
		Env         []string `json:"env"`
		ServedModel string   `json:"served_model"`
		PID         int      `json:"pid"`
	}
	serverExit struct {
		Phase  string `json:"phase"`
		Status int    `json:"status"`
		Signal string `json:"signal"`
	}
	failure struct {
		Message  string `json:"message"`
		ExitCode int    `json:"exit_code"`
	}
	// postmortem is failure.json.
	postmortem struct {
		RunID  string      `json:"run_id"`
		Step   string      `json:"step"`
		Class  string      `json:"class"`
		Line   string      `json:"line"`
		Advice string      `json:"advice"`
		Retry  bool        `json:"retry"`
		Exit   *serverExit `json:"exit"`
		Log    string      `json:"log"`
	}
	record struct {
		Index            int    `json:"index"`
		RequestID        string `json:"request_id"`
		TraceID          string `json:"trace_id"`
		PromptTokensSent int    `json:"prompt_tokens_sent"`
		MaxTokens        int    `json:"max_tokens"`
		ScheduledNS      int64  `json:"scheduled_ns"`
		SentNS           *int64 `json:"sent_ns"`
		HeadersNS        *int64 `json:"headers_ns"`
		FirstTokenNS     *int64 `json:"first_token_ns"`
		LastTokenNS      *int64 `json:"last_token_ns"`
		DoneNS           *int64 `json:"done_ns"`
		Status           int    `json:"status"`
		PromptTokens     *int   `json:"prompt_tokens"`
		CompletionTokens *int   `json:"completion_tokens"`
		FinishReason     string `json:"finish_reason"`
		ErrorClass       string `json:"error_class"`
		Server           *span  `json:"server"`
	}
	// span is where the server says that the time of a request went: in a record, or a line of timings.jsonl.
	span struct {
		TraceID string   `json:"trace_id"`
		Queue   *float64 `json:"queue_ms"`
		Prefill *float64 `json:"prefill_ms"`
		Decode  *float64 `json:"decode_ms"`
	}
)

// runDir is a run directory with both passes, as read from disk.
type runDir struct {
	dir      string
	manifest manifest
	summary  summary
	// passes are full and summarization, in this order.
	passes []passDir
}

// passDir is the folder of one pass, and what the manifest says of it.
type passDir struct {
	manifestPass
	dir     string
	records []record
}

// onlyRun is the run directory in folder, the results of one recipe, which was run once; "latest" must lead to it.
func onlyRun(t *testing.T, folder string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	latest := filepath.Join(folder, "latest")
	found = slices.DeleteFunc(found, func(path string) bool { return filepath.Dir(path) == latest })
	if len(found) != 1 {
		t.Fatalf("%d run directories in %s, want 1", len(found), folder)
	}
	dir := filepath.Dir(found[0])
	if target, err := os.Readlink(latest); err != nil || filepath.Base(target) != filepath.Base(dir) {
		t.Errorf("latest leads to %q (%v), want %s", target, err, filepath.Base(dir))
	}
	return dir
}

func readRun(t *testing.T, dir string) *runDir {
	t.Helper()
	r := &runDir{dir: dir, manifest: readManifest(t, dir), summary: readSummary(t, dir)}
	for _, p := range r.manifest.Passes {
		folder := filepath.Join(dir, p.Name)
		records := readRecords(t, filepath.Join(folder, "records.jsonl"))
		r.passes = append(r.passes, passDir{manifestPass: p, dir: folder, records: records})
	}
	if len(r.passes) != 2 || r.passes[0].Name != "full" || r.passes[1].Name != "summarization" {
		t.Fatalf("%d passes in the manifest, want full and summarization", len(r.passes))
	}
	return r
}

func readManifest(t *testing.T, dir string) (m manifest) {
	t.Helper()
	decode(t, filepath.Join(dir, "manifest.json"), &m)
	return m
}

func readSummary(t *testing.T, dir string) (s summary) {
	t.Helper()
	decode(t, filepath.Join(dir, "summary.json"), &s)
	return s
}

func readPostmortem(t *testing.T, dir string) (m postmortem) {
	t.Helper()
	decode(t, filepath.Join(dir, "failure.json"), &m)
	return m
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readRecords(t *testing.T, path string) []record {
	t.Helper()
	return readLines[record](t, path)
}

// readLines reads a file of one JSON object per line.
func readLines[T any](t *testing.T, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		t.Errorf("%s does not end in a whole line", path)
	}
	var list []T
	for line := range bytes.Lines(data) {
		var item T
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatalf("%s: line %d: %v", path, len(list)+1, err)
		}
		list = append(list, item)
	}
	return list
}

func (r *runDir) file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sessions are those of the servers: each leads its own.
func (r *runDir) sessions() []int {
	var pids []int
	for _, p := range r.passes {
		pids = append(pids, p.Launch.PID)
	}
	return pids
}

// withoutOwn is the command line of a launch without what differs by design: the values of --port and --served-model-name.
func withoutOwn(t *testing.T, l launch) []string {
	t.Helper()
	argv := slices.Clone(l.Argv)
	for _, flag := range []string{"--port", "--served-model-name"} {
		i := slices.Index(argv, flag)
		if i < 0 || i+1 >= len(argv) {
			t.Fatalf("no %s with a value in %q", flag, l.Argv)
		}
		argv[i+1] = "…"
	}
	return argv
}

// makespan is from the first request sent to the last response complete, in nanoseconds.
func makespan(t *testing.T, records []record) int64 {
	t.Helper()
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, rec := range records {
		first = min(first, value(t, "sent_ns", rec.SentNS))
		last = max(last, value(t, "done_ns", rec.DoneNS))
	}
	return last - first
}

// value is what p points to; an absent value ends the test.
func value[T any](t *testing.T, name string, p *T) T {
	t.Helper()
	if p == nil {
		t.Fatalf("%s is absent", name)
	}
	return *p
}

func nanoseconds(seconds float64) int64 { return int64(math.Round(seconds * 1e9)) }

// same tells whether two numbers are the same but for the rounding of their computation.
func same(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// listing is every file below dir with its size and time of change.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, fmt.Sprint(path, info.Size(), info.ModTime()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// serverLogs are the last lines of the servers' logs below dir, for the text of a failure.
func serverLogs(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "server.log" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		fmt.Fprintf(&b, "%s ends with\n%s\n", path, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return b.String()
}
