package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Truth is what the simulator wrote about one launch (--sim-truth): a start line, a line per finished request, and, unless the
// process was killed, a summary. All instants are nanoseconds on one monotonic clock that begins at Start.WallUnixNS.
type Truth struct {
	Start    TruthStart
	Requests []TruthRequest
	// Summary is nil when the process ended without writing one.
	Summary *TruthSummary
}

// TruthStart is the first line: whose truth it is, and where its clock begins.
type TruthStart struct {
	Kind       string `json:"kind"` // "start"
	ServedName string `json:"served_model_name"`
	PID        int    `json:"pid"`
	// WallUnixNS is the wall clock, in nanoseconds since 1970, at instant 0 of all others.
	WallUnixNS int64 `json:"wall_unix_ns"`
}

// TruthRequest is one finished HTTP request for a completion. An instant that was not reached is 0.
type TruthRequest struct {
	Kind string `json:"kind"` // "request"
	// RequestID is the X-Request-Id as the client sent it, or the id that was made up for it.
	RequestID string `json:"request_id"`
	// Number counts the completion requests of the launch, from 0.
	Number int `json:"number"`
	// PromptTokens and CompletionTokens are sums over the prompts of the request. They are the true counts, whatever a fault
	// made the response say.
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	// CachedTokens are the prompt tokens that came from the prefix cache.
	CachedTokens int    `json:"cached_tokens"`
	FinishReason string `json:"finish_reason"`
	// Fault names the faults that bent the response, comma-separated; empty for a true one.
	Fault string `json:"fault,omitempty"`
	// ArrivalNS is when the request was read, QueuedNS when the engine saw it, ScheduledNS when it first ran, FirstTokenNS and
	// LastTokenNS when the engine had these tokens, DoneNS when the last byte of the body was written. With several prompts
	// these are the earliest, and for LastTokenNS and DoneNS the latest.
	ArrivalNS    int64 `json:"arrival_ns"`
	QueuedNS     int64 `json:"queued_ns"`
	ScheduledNS  int64 `json:"scheduled_ns"`
	FirstTokenNS int64 `json:"first_token_ns"`
	LastTokenNS  int64 `json:"last_token_ns"`
	DoneNS       int64 `json:"done_ns"`
	// TokenNS are the instants of the tokens as the engine had them, each as the distance to the one before (the first to
	// ArrivalNS); only with --sim-truth-tokens.
	TokenNS []int64 `json:"token_ns,omitempty"`
}

// TruthSummary is the last line: sums over all requests of the launch, warm-up included.
type TruthSummary struct {
	Kind             string `json:"kind"` // "summary"
	Requests         int    `json:"requests"`
	PromptTokens     int    `json:"prompt_tokens"`
	CompletionTokens int    `json:"completion_tokens"`
	CachedTokens     int    `json:"cached_tokens"`
	FirstArrivalNS   int64  `json:"first_arrival_ns"`
	LastDoneNS       int64  `json:"last_done_ns"`
	// MakespanNS is LastDoneNS − FirstArrivalNS.
	MakespanNS int64 `json:"makespan_ns"`
}

// Makespan is the time from the first arrival to the last byte over the requests whose id begins with prefix; 0 without any.
func (t Truth) Makespan(prefix string) time.Duration {
	var first, last int64
	for _, r := range t.Requests {
		if !strings.HasPrefix(r.RequestID, prefix) {
			continue
		}
		if last == 0 || r.ArrivalNS < first {
			first = r.ArrivalNS
		}
		last = max(last, r.DoneNS)
	}
	return time.Duration(last - first)
}

// TruthPath is the file in dir for a launch under a served name: / and @ become _.
func TruthPath(dir, servedName string) string {
	return filepath.Join(dir, strings.NewReplacer("/", "_", "@", "_").Replace(servedName)+".jsonl")
}

// ReadTruth reads a truth file. A last line without its newline, as a killed process leaves it, is ignored.
func ReadTruth(r io.Reader) (Truth, error) {
	var truth Truth
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return truth, nil
		}
		if err != nil {
			return truth, fmt.Errorf("reading the truth: %w", err)
		}
		if err := truth.addLine(line); err != nil {
			return truth, fmt.Errorf("truth, line %d: %w", number, err)
		}
	}
}

func (t *Truth) addLine(line []byte) error {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	switch head.Kind {
	case "start":
		return json.Unmarshal(line, &t.Start)
	case "request":
		var r TruthRequest
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		t.Requests = append(t.Requests, r)
		return nil
	case "summary":
		t.Summary = new(TruthSummary)
		return json.Unmarshal(line, t.Summary)
	}
	return fmt.Errorf("unknown kind %q; allowed: start, request, summary", head.Kind)
}

// truthWriter writes the truth file, a line at once. A nil writer writes nothing.
type truthWriter struct {
	origin time.Time

	mu      sync.Mutex
	file    *os.File
	summary TruthSummary
	err     error
}

// newTruthWriter creates the file for a launch, replacing that of an earlier one under the same name; nil without dir.
func newTruthWriter(dir, servedName string, origin time.Time) (*truthWriter, error) {
	if dir == "" {
		return nil, nil
	}
	file, err := os.Create(TruthPath(dir, servedName))
	if err != nil {
		return nil, fmt.Errorf("creating the truth file: %w", err)
	}
	w := &truthWriter{origin: origin, file: file, summary: TruthSummary{Kind: "summary"}}
	w.write(TruthStart{Kind: "start", ServedName: servedName, PID: os.Getpid(), WallUnixNS: origin.UnixNano()})
	return w, w.err
}

// since is an instant on the truth's clock; 0 for one that was not reached.
func (w *truthWriter) since(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return int64(t.Sub(w.origin))
}

// request adds a finished request.
func (w *truthWriter) request(r TruthRequest) {
	r.Kind = "request"
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.summary
	if s.Requests == 0 || r.ArrivalNS < s.FirstArrivalNS {
		s.FirstArrivalNS = r.ArrivalNS
	}
	s.Requests++
	s.PromptTokens += r.PromptTokens
	s.CompletionTokens += r.CompletionTokens
	s.CachedTokens += r.CachedTokens
	s.LastDoneNS = max(s.LastDoneNS, r.DoneNS)
	s.MakespanNS = s.LastDoneNS - s.FirstArrivalNS
	w.write(r)
}

// close writes the summary and returns the first error of all.
func (w *truthWriter) close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write(w.summary)
	if err := w.file.Close(); w.err == nil && err != nil {
		w.err = fmt.Errorf("closing the truth file: %w", err)
	}
	return w.err
}

func (w *truthWriter) write(line any) {
	text, err := json.Marshal(line)
	if err == nil {
		_, err = w.file.Write(append(text, '\n'))
	}
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("writing the truth file: %w", err)
	}
}
