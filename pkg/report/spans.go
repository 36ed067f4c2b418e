package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// Span is what a trace of the server told of one request: one line of timings.jsonl. It belongs to the request that was sent
// with its trace id or, where neither has one, its request id; a nil time was not told.
type Span struct {
	// Schema is SchemaVersion; 0 stands for version 1, which did not say it.
	Schema int `json:"schema,omitempty"`
	// RequestID is the X-Request-Id, or the server's own id made of it ("cmpl-" + X-Request-Id + "-0").
	RequestID string `json:"request_id,omitempty"`
	// TraceID is 32 hexadecimal digits.
	TraceID string `json:"trace_id,omitempty"`
	// QueueMS is from queued to first scheduled, PrefillMS from there to the first token, DecodeMS from there to the last; in
	// milliseconds.
	QueueMS   *float64 `json:"queue_ms,omitempty"`
	PrefillMS *float64 `json:"prefill_ms,omitempty"`
	DecodeMS  *float64 `json:"decode_ms,omitempty"`
}

// WriteSpans writes the spans of a pass into the run directory dir.
func WriteSpans(dir, pass string, spans []Span) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, s := range spans {
		s.Schema = SchemaVersion
		if err := enc.Encode(s); err != nil {
			return fmt.Errorf("encoding %s: %w", TimingsFile, err)
		}
	}
	return WriteFile(filepath.Join(dir, pass, TimingsFile), b.Bytes())
}

// readSpans reads the spans of a pass; none when there is no file. A line that a crash cut off is left out: its request then
// has no span, which is told where spans are used.
func readSpans(dir, pass string) ([]Span, error) {
	path := filepath.Join(dir, pass, TimingsFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the timings: %w", err)
	}
	defer f.Close()
	spans, _, err := readLines(f, decodeSpan)
	if err != nil {
		return nil, fmt.Errorf("reading the timings: %s:%w", path, err)
	}
	return spans, nil
}

func decodeSpan(line []byte) (Span, error) {
	var s Span
	if err := json.Unmarshal(line, &s); err != nil {
		return s, fmt.Errorf("not a timing: %w", err)
	}
	if err := checkLineSchema(s.Schema); err != nil {
		return s, err
	}
	if s.RequestID == "" && s.TraceID == "" {
		return s, errors.New("not a timing: it has neither request_id nor trace_id")
	}
	return s, nil
}

// spanIndex finds the span of a request.
type spanIndex map[string]*Span

// indexSpans makes the index. Of a trace or request with several spans that differ none is known to be right, so it has none.
func indexSpans(spans []Span) spanIndex {
	index := spanIndex{}
	for i := range spans {
		key := spans[i].TraceID
		if key == "" {
			key = requestKey(spans[i].RequestID)
		}
		if first, twice := index[key]; twice && (first == nil || !sameTimes(first, &spans[i])) {
			index[key] = nil
			continue
		}
		index[key] = &spans[i]
	}
	return index
}

// of is the span of a record, nil when there is none.
func (x spanIndex) of(r *bench.Record) *Span {
	if s, ok := x[r.TraceID]; ok && r.TraceID != "" {
		return s
	}
	return x[requestKey(r.RequestID)]
}

// requestKey tells a request id from a trace id, and takes off what the server adds.
func requestKey(id string) string {
	if rest, ok := strings.CutPrefix(id, "cmpl-"); ok {
		id = strings.TrimSuffix(rest, "-0")
	}
	return "request " + id
}

func sameTimes(a, b *Span) bool {
	return same(a.QueueMS, b.QueueMS) && same(a.PrefillMS, b.PrefillMS) && same(a.DecodeMS, b.DecodeMS)
}

func same(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
