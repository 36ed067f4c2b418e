package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

func TestSpansRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, PassFull), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []Span{
		{Schema: SchemaVersion, RequestID: "cmpl-run-full-0-0", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", QueueMS: ptr(0.0), PrefillMS: ptr(1.0000000000000002), DecodeMS: ptr(3.5)},
		{Schema: SchemaVersion, RequestID: "run-full-1"},
	}
	if err := WriteSpans(dir, PassFull, want); err != nil {
		t.Fatal(err)
	}
	got, err := readSpans(dir, PassFull)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("spans (-got +want):\n%s", diff)
	}
	if none, err := readSpans(dir, PassSummarization); err != nil || len(none) != 0 {
		t.Errorf("no file: got %v, error %v", none, err)
	}
}

func TestReadSpans(t *testing.T) {
	a, b := `{"request_id":"r-0","queue_ms":1}`, `{"trace_id":"t","decode_ms":2}`
	for _, tc := range []struct {
		name, text string
		spans      int
		err        string
	}{
		{"empty", "", 0, ""},
		{"two", a + "\n" + b + "\n", 2, ""},
		{"last line cut", a + "\n" + b[:9], 1, ""},
		{"a later version", `{"schema":3,"request_id":"r-0"}` + "\n", 0, "full/timings.jsonl:1: schema version 3; this program reads versions 1 to 2"},
		{"a broken line", a[:9] + "\n" + b + "\n", 0, "full/timings.jsonl:1: not a timing: unexpected end"},
		{"nobody's", a + "\n" + `{"queue_ms":1}` + "\n", 0, "full/timings.jsonl:2: not a timing: it has neither request_id nor trace_id"},
		{"a text for a number", `{"request_id":"r","queue_ms":"1"}` + "\n", 0, "full/timings.jsonl:1: not a timing: json: cannot"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, PassFull, TimingsFile), tc.text)
			if err := WriteManifest(dir, Manifest{Schema: SchemaVersion}); err != nil {
				t.Fatal(err)
			}
			run, err := ReadRun(dir)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got error %v, want %q", err, tc.err)
				}
				return
			}
			if got := len(run.Spans[PassFull]); err != nil || got != tc.spans {
				t.Errorf("got %d spans, error %v; want %d", got, err, tc.spans)
			}
		})
	}
}

func TestSpanOfARecord(t *testing.T) {
	ms := func(n float64) Span { return Span{QueueMS: &n} }
	with := func(s Span, request, trace string) Span { s.RequestID, s.TraceID = request, trace; return s }
	spans := []Span{
		with(ms(1), "cmpl-run-full-1-0", ""), with(ms(2), "run-full-2", ""), with(ms(3), "somebody", "aa"), with(ms(4), "", "bb"),
		with(ms(4), "", "bb"), with(ms(5), "", "cc"), with(ms(6), "", "cc"), with(ms(5), "", "cc"), with(ms(7), "bb", ""),
	}
	for _, tc := range []struct {
		name, request, trace string
		want                 float64 // 0 for none
	}{
		{"the server's own id", "run-full-1", "", 1},
		{"the id as sent", "run-full-2", "", 2},
		{"an id that ends like the server's", "run-full-1-0", "", 0},
		{"trace id before request id", "run-full-1", "aa", 3},
		{"an unknown trace id", "run-full-1", "dd", 1},
		{"sent twice by the exporter", "x", "bb", 4},
		{"three that differ", "x", "cc", 0},
		{"a request with the name of a trace", "bb", "", 7},
		{"nothing of it", "x", "", 0},
	} {
		got := 0.0
		if s := indexSpans(spans).of(&bench.Record{RequestID: tc.request, TraceID: tc.trace}); s != nil {
			got = *s.QueueMS
		}
		if got != tc.want {
			t.Errorf("%s: got the span with %v, want %v", tc.name, got, tc.want)
		}
	}
}

// Whatever stands in timings.jsonl, reading ends in spans or an error, and a run with them can be reported.
func FuzzReadSpans(f *testing.F) {
	f.Add([]byte(`{"request_id":"cmpl-id-full-0-0","trace_id":"aa","queue_ms":1,"prefill_ms":2.5,"decode_ms":1e300}` + "\n"))
	f.Add([]byte(`{"request_id":"id-full-0","queue_ms":1,"prefill_ms":2,"decode_ms":3}` + "\n" + `{"request_id":"id-full-1","queue_ms":-0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		spans, _, err := readLines(bytes.NewReader(data), decodeSpan)
		if err != nil {
			return
		}
		run := sampleRun()
		run.Spans = map[string][]Span{PassFull: spans, PassSummarization: spans}
		s := Summarize(run)
		if bytes.Contains(JSON(s), []byte(`"error": "json:`)) {
			t.Fatalf("no summary.json: %s", JSON(s))
		}
	})
}
