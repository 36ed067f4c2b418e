package telemetry

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// RequestSpan is what a server said of one finished request in its OpenTelemetry span. Durations are milliseconds on the
// server's monotonic clock, at the precision the server sent; nil where it did not tell. In JSON it is one line of
// timings.jsonl.
type RequestSpan struct {
	// RequestID is the server's name for the request: "cmpl-" + the header X-Request-Id + "-0"; empty if the span has none.
	RequestID string `json:"request_id"`
	// TraceID is that of the request's traceparent header, 32 hex digits; the server's own if the request had no such header.
	TraceID string `json:"trace_id"`
	// QueueMS is queued → first scheduled.
	QueueMS *float64 `json:"queue_ms,omitempty"`
	// PrefillMS is first scheduled → first token; nil for the V0 engine, which does not say.
	PrefillMS *float64 `json:"prefill_ms,omitempty"`
	// DecodeMS is first token → last token; nil for the V0 engine.
	DecodeMS *float64 `json:"decode_ms,omitempty"`
}

// PhaseSpan is any other span: a step of the server's start-up, such as "Load model".
type PhaseSpan struct {
	Name string `json:"name"`
	// Start is the server's wall clock.
	Start time.Time `json:"start"`
	// Duration is 0 for a span that ends before it starts.
	Duration time.Duration `json:"duration_ns"`
}

// The span of a request, and its attributes. Durations are seconds.
const (
	requestSpanName  = "llm_request"
	attributeID      = "gen_ai.request.id"
	attributeQueue   = "gen_ai.latency.time_in_queue"
	attributePrefill = "gen_ai.latency.time_in_model_prefill"
	attributeDecode  = "gen_ai.latency.time_in_model_decode"
)

// Longest texts that are kept of a span. Names and ids are far shorter; a span that has longer ones is not vLLM's.
const maxSpanText = 1024

// spanKey identifies a span, so that a batch that is sent again counts once.
type spanKey struct {
	trace [16]byte
	span  [8]byte
}

// decodedSpan is a request's span or a phase, the other being nil.
type decodedSpan struct {
	key     spanKey
	request *RequestSpan
	phase   *PhaseSpan
}

// decodeSpans reads an export request in its protobuf form. skipped counts the spans without proper ids or with texts of
// absurd length.
func decodeSpans(body []byte) (spans []decodedSpan, skipped int, err error) {
	var export collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &export); err != nil {
		return nil, 0, fmt.Errorf("decoding spans: %w", err)
	}
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				if d, ok := decodeSpan(s); ok {
					spans = append(spans, d)
				} else {
					skipped++
				}
			}
		}
	}
	return spans, skipped, nil
}

func decodeSpan(s *trace.Span) (decodedSpan, bool) {
	var d decodedSpan
	if len(s.GetTraceId()) != len(d.key.trace) || len(s.GetSpanId()) != len(d.key.span) || len(s.GetName()) > maxSpanText {
		return decodedSpan{}, false
	}
	copy(d.key.trace[:], s.GetTraceId())
	copy(d.key.span[:], s.GetSpanId())
	if s.GetName() != requestSpanName {
		d.phase = decodePhase(s)
		return d, true
	}
	d.request = &RequestSpan{TraceID: hex.EncodeToString(s.GetTraceId())}
	for _, a := range s.GetAttributes() {
		switch a.GetKey() {
		case attributeID:
			d.request.RequestID = a.GetValue().GetStringValue()
		case attributeQueue:
			d.request.QueueMS = milliseconds(a.GetValue())
		case attributePrefill:
			d.request.PrefillMS = milliseconds(a.GetValue())
		case attributeDecode:
			d.request.DecodeMS = milliseconds(a.GetValue())
		}
	}
	return d, len(d.request.RequestID) <= maxSpanText
}

func decodePhase(s *trace.Span) *PhaseSpan {
	// Nanoseconds since 1970 fit into an int64 until 2262.
	start, end := min(s.GetStartTimeUnixNano(), math.MaxInt64), min(s.GetEndTimeUnixNano(), math.MaxInt64)
	return &PhaseSpan{
		Name:     s.GetName(),
		Start:    time.Unix(0, int64(start)).UTC(),
		Duration: time.Duration(max(end, start) - start),
	}
}

// milliseconds converts an attribute in seconds; nil for what is no finite number.
func milliseconds(v *common.AnyValue) *float64 {
	var ms float64
	switch value := v.GetValue().(type) {
	case *common.AnyValue_DoubleValue:
		ms = value.DoubleValue * 1000
	case *common.AnyValue_IntValue:
		// A server that measures nothing may send a plain 0.
		ms = float64(value.IntValue) * 1000
	default:
		return nil
	}
	if math.IsNaN(ms) || math.IsInf(ms, 0) {
		return nil
	}
	return &ms
}
