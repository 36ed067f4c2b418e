package telemetry

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The samples are what vLLM 0.24.0 posted while it started, one export after the other, and after six requests that were sent
// at once to max-num-seqs 2; request 0 had one output token.
const (
	requestsSample = "vllm-0.24.0-requests.otlp"
	startupSample  = "vllm-0.24.0-startup.otlp"
)

func decode(t *testing.T, body []byte) (requests []RequestSpan, phases []PhaseSpan, skipped int) {
	t.Helper()
	spans, skipped, err := decodeSpans(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range spans {
		if s.request != nil {
			requests = append(requests, *s.request)
		}
		if s.phase != nil {
			phases = append(phases, *s.phase)
		}
	}
	return requests, phases, skipped
}

func TestCapturedRequests(t *testing.T) {
	got, phases, skipped := decode(t, sample(t, requestsSample))
	if len(phases) > 0 || skipped > 0 {
		t.Errorf("got %d phases, %d skipped; want none", len(phases), skipped)
	}
	var ids []string
	var queue, prefill, decode float64
	for _, s := range got {
		ids = append(ids, strings.TrimLeft(s.TraceID, "0")+" "+s.RequestID)
		queue, prefill, decode = queue+*s.QueueMS, prefill+*s.PrefillMS, decode+*s.DecodeMS
	}
	want := []string{"abc000 cmpl-r1-full-0-0", "abc004 cmpl-r1-full-4-0", "abc001 cmpl-r1-full-1-0", "abc003 cmpl-r1-full-3-0",
		"abc005 cmpl-r1-full-5-0", "abc002 cmpl-r1-full-2-0"}
	if diff := cmp.Diff(ids, want); diff != "" {
		t.Errorf("ids (-got +want):\n%s", diff)
	}
	// The sums of the server's histograms after these requests, in seconds.
	for _, tt := range []struct {
		name          string
		gotMS, wantMS float64
	}{
		{"queue", queue, 0.17005889100164495e3}, {"prefill", prefill, 0.08873541899811244e3}, {"decode", decode, 0.12233738900067692e3},
	} {
		if math.Abs(tt.gotMS-tt.wantMS) > 1e-9 {
			t.Errorf("%s: got %v ms in all, the histogram has %v", tt.name, tt.gotMS, tt.wantMS)
		}
	}
	if *got[0].DecodeMS != 0 {
		t.Errorf("decode time of one token: got %v, want 0", *got[0].DecodeMS)
	}
}

func TestCapturedStartup(t *testing.T) {
	requests, phases, skipped := decode(t, sample(t, startupSample))
	if len(requests) > 0 || skipped > 0 || len(phases) != 12 {
		t.Fatalf("got %d requests, %d phases, %d skipped; want 0, 12, 0", len(requests), len(phases), skipped)
	}
	want := PhaseSpan{Name: "Load model", Start: time.Date(2026, 11, 24, 0, 46, 38, 432648339, time.UTC), Duration: 67670882}
	if diff := cmp.Diff(phases[3], want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// exported is an export of these spans, each in a scope of its own.
func exported(t testing.TB, spans ...*trace.Span) []byte {
	t.Helper()
	var resource trace.ResourceSpans
	for _, s := range spans {
		resource.ScopeSpans = append(resource.ScopeSpans, &trace.ScopeSpans{Spans: []*trace.Span{s}})
	}
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{}, &resource}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// requestSpan is the span of a request with trace id ...00 + n and its own span id, with the given attributes.
func requestSpan(n byte, attributes ...*common.KeyValue) *trace.Span {
	id := make([]byte, 16)
	id[15] = n
	return &trace.Span{Name: requestSpanName, TraceId: id, SpanId: id[8:], Attributes: attributes}
}

func attribute(key string, v *common.AnyValue) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: v}
}

func double(v float64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v}}
}

func text(v string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}
}

func TestDecodeSpan(t *testing.T) {
	const traceID = "00000000000000000000000000000007"
	ms := func(v float64) *float64 { return &v }
	tests := []struct {
		name string
		span *trace.Span
		want *RequestSpan // nil when it is skipped
	}{
		{"nothing told", requestSpan(7), &RequestSpan{TraceID: traceID}},
		{"the V0 engine", requestSpan(7, attribute(attributeQueue, double(0.25)), attribute("gen_ai.latency.time_to_first_token", double(2))),
			&RequestSpan{TraceID: traceID, QueueMS: ms(250)}},
		{"an integer", requestSpan(7, attribute(attributeDecode, &common.AnyValue{Value: &common.AnyValue_IntValue{}})),
			&RequestSpan{TraceID: traceID, DecodeMS: ms(0)}},
		{"no numbers", requestSpan(7, attribute(attributeQueue, double(math.NaN())), attribute(attributePrefill, double(math.Inf(1))),
			attribute(attributeDecode, text("1"))), &RequestSpan{TraceID: traceID}},
		{"a number beyond milliseconds", requestSpan(7, attribute(attributeQueue, double(math.MaxFloat64))), &RequestSpan{TraceID: traceID}},
		{"no value", requestSpan(7, attribute(attributeQueue, nil), attribute(attributeID, nil)), &RequestSpan{TraceID: traceID}},
		{"an id that is a number", requestSpan(7, attribute(attributeID, double(1))), &RequestSpan{TraceID: traceID}},
		{"the longest id", requestSpan(7, attribute(attributeID, text(strings.Repeat("x", maxSpanText)))),
			&RequestSpan{TraceID: traceID, RequestID: strings.Repeat("x", maxSpanText)}},
		{"an id of absurd length", requestSpan(7, attribute(attributeID, text(strings.Repeat("x", maxSpanText+1)))), nil},
		{"no trace id", &trace.Span{Name: requestSpanName, SpanId: make([]byte, 8)}, nil},
		{"a short span id", &trace.Span{Name: requestSpanName, TraceId: make([]byte, 16), SpanId: make([]byte, 7)}, nil},
		{"a name of absurd length", &trace.Span{Name: strings.Repeat("x", maxSpanText+1), TraceId: make([]byte, 16), SpanId: make([]byte, 8)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, skipped := decode(t, exported(t, tt.span))
			if tt.want == nil {
				if len(got) != 0 || skipped != 1 {
					t.Errorf("got %v, %d skipped; want it skipped", got, skipped)
				}
				return
			}
			if diff := cmp.Diff(got, []RequestSpan{*tt.want}); diff != "" || skipped != 0 {
				t.Errorf("%d skipped (-got +want):\n%s", skipped, diff)
			}
		})
	}
}

func TestDecodePhase(t *testing.T) {
	tests := []struct {
		name       string
		start, end uint64
		want       time.Duration
	}{
		{"a second", 5e9, 6e9, time.Second},
		{"backwards", 6e9, 5e9, 0},
		{"never ended", 6e9, 0, 0},
		{"beyond all times", 0, math.MaxUint64, math.MaxInt64},
	}
	for _, tt := range tests {
		span := requestSpan(1)
		span.Name, span.StartTimeUnixNano, span.EndTimeUnixNano = "Load model", tt.start, tt.end
		_, got, _ := decode(t, exported(t, span))
		want := []PhaseSpan{{Name: "Load model", Start: time.Unix(0, int64(tt.start)).UTC(), Duration: tt.want}}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

func FuzzDecodeSpans(f *testing.F) {
	f.Add(sample(f, requestsSample))
	f.Add(sample(f, startupSample))
	f.Add(exported(f, requestSpan(3, attribute(attributeQueue, double(math.Inf(-1))), attribute(attributeID, text("é")))))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, body []byte) {
		spans, _, err := decodeSpans(body)
		if err != nil && len(spans) > 0 {
			t.Error("spans beside an error")
		}
		for _, s := range spans {
			if (s.request == nil) == (s.phase == nil) {
				t.Fatalf("got %+v, want either a request or a phase", s)
			}
			if s.request == nil {
				continue
			}
			if id, err := hex.DecodeString(s.request.TraceID); err != nil || len(id) != 16 {
				t.Errorf("trace id %q", s.request.TraceID)
			}
			for _, v := range []*float64{s.request.QueueMS, s.request.PrefillMS, s.request.DecodeMS} {
				if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
					t.Errorf("got %v, which JSON cannot hold", *v)
				}
			}
		}
	})
}
