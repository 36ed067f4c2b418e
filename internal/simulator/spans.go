package simulator

import (
	"crypto/rand"
	"time"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// Flags of a span: its context has it sampled, and whether its parent is known to be remote, or not to be.
const (
	spanSampled    = 1
	spanHasRemote  = 0x100
	spanIsRemote   = 0x200
	spanFlagsOwn   = spanSampled | spanHasRemote
	spanFlagsOther = spanSampled | spanHasRemote | spanIsRemote
)

// finish adds the spans of sequences that ended at now, as far as they are traced.
func (t *tracer) finish(sequences []*sequence, now time.Time) {
	if t == nil {
		return
	}
	for _, seq := range sequences {
		if seq.traced != nil {
			t.add(requestSpan(seq, now))
		}
	}
}

// requestSpan is what vLLM tells of a finished request. Times are seconds between the engine's stamps.
func requestSpan(seq *sequence, now time.Time) *trace.Span {
	r, at := seq.traced, seq.stamps
	s := newSpan("llm_request", trace.Span_SPAN_KIND_SERVER, r.context.trace, seq.arrival, now)
	if r.context.remote {
		s.ParentSpanId, s.Flags = r.context.parent[:], spanFlagsOther
	}
	s.Attributes = []*common.KeyValue{
		seconds("gen_ai.latency.time_to_first_token", span(seq.arrival, at.firstToken)),
		seconds("gen_ai.latency.e2e", now.Sub(seq.arrival).Seconds()),
		seconds("gen_ai.latency.time_in_queue", span(at.queued, at.scheduled)),
		whole("gen_ai.usage.prompt_tokens", len(seq.prompt)),
		whole("gen_ai.usage.completion_tokens", len(seq.output)),
		seconds("gen_ai.latency.time_in_model_prefill", span(at.scheduled, at.firstToken)),
		seconds("gen_ai.latency.time_in_model_decode", span(at.firstToken, at.lastToken)),
		seconds("gen_ai.latency.time_in_model_inference", span(at.scheduled, at.lastToken)),
		text("gen_ai.request.id", r.id),
		seconds("gen_ai.request.top_p", r.topP),
		whole("gen_ai.request.max_tokens", seq.maxTokens),
		whole("gen_ai.request.n", r.n),
	}
	return s
}

// loaded adds spans of the start-up, which lasted from begin to end, under a trace of their own.
func (t *tracer) loaded(begin, end time.Time) {
	if t == nil {
		return
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	model := begin.Add(end.Sub(begin) / 2)
	for _, s := range []*trace.Span{
		newSpan("Load model", trace.Span_SPAN_KIND_INTERNAL, id, begin, model),
		newSpan("Allocate KV cache", trace.Span_SPAN_KIND_INTERNAL, id, model, end),
		newSpan("Overall Loading", trace.Span_SPAN_KIND_INTERNAL, id, begin, end),
	} {
		t.add(s)
	}
}

func newSpan(name string, kind trace.Span_SpanKind, traceID [16]byte, begin, end time.Time) *trace.Span {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	return &trace.Span{Name: name, Kind: kind, TraceId: traceID[:], SpanId: id, Flags: spanFlagsOwn, Status: &trace.Status{},
		StartTimeUnixNano: uint64(begin.UnixNano()), EndTimeUnixNano: uint64(end.UnixNano())}
}

func seconds(key string, v float64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v}}}
}

func whole(key string, n int) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(n)}}}
}

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}
