package simulator

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collected is a receiver that keeps the size of each export and all spans.
type collected struct {
	mu    sync.Mutex
	sizes []int
	spans []*trace.Span
}

func collect(t *testing.T) (*collected, string) {
	c := &collected{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(text, &export)
		}
		if err != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("an export: %v, content type %q", err, r.Header.Get("Content-Type"))
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.sizes = append(c.sizes, len(scope.GetSpans()))
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
	// By another name than the one under which tests look for the simulator in its log.
	return c, strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/v1/traces"
}

// traced posts a completion of three tokens with a traceparent header.
func (s *instance) traced(id, parent string) {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.url+"/v1/completions", strings.NewReader(string(body(8, fields{"max_tokens": 3}))))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Id", id)
	request.Header.Set("traceparent", parent)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		s.t.Fatal(err)
	}
}

// All spans are there when the server has stopped, with the times of the truth and the trace that the client chose.
func TestTraces(t *testing.T) {
	c, url := collect(t)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
	s := startInstance(t, "--otlp-traces-endpoint", url)
	for i := range 6 {
		s.traced(fmt.Sprint("r", i), fmt.Sprintf("00-%032x-%016x-01", i+1, 7))
	}
	s.traced("unsampled", "00-000000000000000000000000000000ff-0000000000000007-00")
	s.stop()
	s.exit()
	// A batch is sent when it is full, and what has come meanwhile at once after it.
	if len(c.sizes) == 0 || c.sizes[0] != 4 || slices.Max(c.sizes) > 4 || len(c.spans) != 9 {
		t.Errorf("spans in each export: got %v, want 9 in all, 4 at first and never more", c.sizes)
	}
	truth := map[string]TruthRequest{}
	for _, r := range s.readTruth().Requests {
		truth["cmpl-"+r.RequestID+"-0"] = r
	}
	names := map[string]int{}
	for _, span := range c.spans {
		names[span.GetName()]++
		if span.GetName() != "llm_request" {
			continue
		}
		id, seconds := attributes(span)
		var number int
		if _, err := fmt.Sscanf(id, "cmpl-r%d-0", &number); err != nil {
			t.Errorf("request id: got %q", id)
		}
		if got, want := hex.EncodeToString(span.GetTraceId()), fmt.Sprintf("%032x", number+1); got != want {
			t.Errorf("trace id of %s: got %s, want %s", id, got, want)
		}
		if got := hex.EncodeToString(span.GetParentSpanId()); got != "0000000000000007" {
			t.Errorf("parent of %s: got %s", id, got)
		}
		r := truth[id]
		for name, want := range map[string]int64{
			"time_in_queue": r.ScheduledNS - r.QueuedNS, "time_in_model_prefill": r.FirstTokenNS - r.ScheduledNS,
			"time_in_model_decode": r.LastTokenNS - r.FirstTokenNS, "time_to_first_token": r.FirstTokenNS - r.ArrivalNS,
		} {
			if got := seconds["gen_ai.latency."+name]; math.Abs(got*1e9-float64(want)) > 1 {
				t.Errorf("%s of %s: got %v s, truth %d ns", name, id, got, want)
			}
		}
	}
	want := map[string]int{"llm_request": 6, "Load model": 1, "Allocate KV cache": 1, "Overall Loading": 1}
	if diff := cmp.Diff(names, want); diff != "" {
		t.Errorf("spans by name (-got +want):\n%s", diff)
	}
}

func attributes(s *trace.Span) (id string, seconds map[string]float64) {
	seconds = map[string]float64{}
	for _, a := range s.GetAttributes() {
		if a.GetKey() == "gen_ai.request.id" {
			id = a.GetValue().GetStringValue()
		}
		seconds[a.GetKey()] = a.GetValue().GetDoubleValue()
	}
	return id, seconds
}

func TestNoTraces(t *testing.T) {
	tests := []struct {
		name, protocol, disabled string
		args                     []string
		status                   int
		want                     string
	}{
		{"gRPC", "grpc", "", nil, exitFailure, "ValueError: Unsupported OTLP protocol 'grpc' is configured"},
		{"the protocol by default", "", "", nil, exitFailure, "set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to http/protobuf"},
		{"the SDK is off", "grpc", "true", nil, exitOK, ""},
		{"no statistics", "http/protobuf", "", []string{"--disable-log-stats"}, exitOK, ""},
		{"nobody there", "http/protobuf", "", nil, exitOK, "Failed to export span batch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", tt.protocol)
			t.Setenv("OTEL_SDK_DISABLED", tt.disabled)
			s := launchInstance(t, append(tt.args, "--otlp-traces-endpoint", "http://127.0.0.1:1/v1/traces")...)
			if tt.status == exitOK {
				s.stderr.wait(t, "Application startup complete.")
				s.stop()
			}
			got := s.exit()
			failed := strings.Contains(s.stderr.String(), "Failed to export")
			if got != tt.status || !strings.Contains(s.stderr.String(), tt.want) || failed != strings.HasPrefix(tt.want, "Failed") {
				t.Errorf("got exit status %d and log\n%s\nwant %d and %q", got, s.stderr, tt.status, tt.want)
			}
		})
	}
}

// What comes faster than it can be sent is lost.
func TestTraceQueue(t *testing.T) {
	tr := &tracer{o: traceOptions{batch: 2, queue: 3}, full: make(chan struct{}, 1)}
	for range 5 {
		tr.add(&trace.Span{})
	}
	if got := len(tr.spans); got != 3 {
		t.Errorf("waiting spans: got %d, want 3", got)
	}
}

func TestTraceOptions(t *testing.T) {
	env := map[string]string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	got, err := newTraceOptions("http://x", lookup)
	want := traceOptions{endpoint: "http://x", delay: 5 * time.Second, batch: 512, queue: 2048}
	if err != nil || got != want {
		t.Errorf("defaults: got %+v, %v; want %+v", got, err, want)
	}
	maps.Copy(env, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "x", "OTEL_BSP_MAX_QUEUE_SIZE": "9"})
	got, err = newTraceOptions("http://x", lookup)
	want = traceOptions{endpoint: "http://x", delay: 200 * time.Millisecond, batch: 512, queue: 9}
	if err != nil || got != want {
		t.Errorf("set: got %+v, %v; want %+v", got, err, want)
	}
}

func FuzzParseTraceParent(f *testing.F) {
	good := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, seed := range []string{good, good[:54], "", "-", "00-0-0-01", "ff" + good[2:], "01" + good[2:] + "-more", strings.ToUpper(good)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, sampled := parseTraceParent(header)
		if c.trace == [16]byte{} {
			t.Errorf("%q: a trace without an id", header)
		}
		if !c.remote && (!sampled || c.parent != [8]byte{}) {
			t.Errorf("%q: a trace of the server's own has a parent or is not sampled", header)
		}
		if c.remote && !slices.Contains(strings.Split(strings.ToLower(header), "-"), hex.EncodeToString(c.trace[:])) {
			t.Errorf("%q: got trace %x", header, c.trace)
		}
	})
}
