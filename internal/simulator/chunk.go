package simulator

import (
	"strconv"
	"time"
)

// usage is the token count of a response. The zero value of details leaves them out of a stream and null elsewhere.
type usage struct {
	prompt, completion int
	// cached is shown when details are on.
	cached  int
	details bool
}

// requestMetrics is the metrics object of a response (--enable-per-request-metrics).
type requestMetrics struct {
	FirstToken      pyFloat  `json:"time_to_first_token_ms"`
	Generation      pyFloat  `json:"generation_time_ms"`
	Queue           pyFloat  `json:"queue_time_ms"`
	MeanITL         *pyFloat `json:"mean_itl_ms"`
	TokensPerSecond *pyFloat `json:"tokens_per_second"`
	Speculative     *string  `json:"speculative_decoding"`
}

// timings makes the metrics object of a finished sequence; nil when it never ran.
func timings(t stamps, tokens int) *requestMetrics {
	if t.scheduled.IsZero() || t.firstToken.IsZero() {
		return nil
	}
	decode, inference := t.lastToken.Sub(t.firstToken), t.lastToken.Sub(t.scheduled)
	m := &requestMetrics{
		FirstToken: milliseconds(t.firstToken.Sub(t.scheduled)), Generation: milliseconds(decode),
		Queue: milliseconds(t.scheduled.Sub(t.queued)),
	}
	if tokens > 1 {
		itl := milliseconds(decode) / pyFloat(tokens-1)
		m.MeanITL = &itl
	}
	if inference > 0 {
		rate := pyFloat(float64(tokens) / inference.Seconds())
		m.TokensPerSecond = &rate
	}
	return m
}

func milliseconds(d time.Duration) pyFloat { return pyFloat(float64(d) / 1e6) }

// chunkEncoder writes the events of one stream. The parts that are the same in every event are made once.
type chunkEncoder struct {
	head        []byte // from data: to the opening of choices
	fingerprint []byte // the quoted system_fingerprint, nil for none
}

func newChunkEncoder(id, model string, created int64, fingerprint *string) *chunkEncoder {
	e := &chunkEncoder{}
	e.head = append(append([]byte(`data: {"id":`), encodeJSON(id)...), `,"object":"text_completion","created":`...)
	e.head = append(strconv.AppendInt(e.head, created, 10), `,"model":`...)
	e.head = append(append(e.head, encodeJSON(model)...), `,"choices":[`...)
	if fingerprint != nil {
		e.fingerprint = encodeJSON(*fingerprint)
	}
	return e
}

// chunk is one event that carries tokens.
type chunk struct {
	index  int
	text   []byte
	reason finishReason // "" while the output goes on
	stopID int32        // with finishStop: the stop token, −1 for none
	// promptIDs and ids are shown where they are not nil.
	promptIDs, ids []int32
	// usage is the running count, nil unless asked for.
	usage *usage
	// sign adds the fingerprint: on the last event of a stream without a usage event.
	sign bool
}

// append writes a chunk as an event.
func (e *chunkEncoder) append(b []byte, c chunk) []byte {
	b = append(append(b, e.head...), `{"index":`...)
	b = append(strconv.AppendInt(b, int64(c.index), 10), `,"text":"`...)
	b = append(append(b, c.text...), `","logprobs":null,"finish_reason":`...)
	if c.reason == "" {
		b = append(b, "null"...)
	} else {
		b = append(append(append(b, '"'), c.reason...), '"')
	}
	b = append(b, `,"stop_reason":`...)
	if c.reason == finishStop && c.stopID >= 0 {
		b = strconv.AppendInt(b, int64(c.stopID), 10)
	} else {
		b = append(b, "null"...)
	}
	b = appendIDs(append(b, `,"prompt_token_ids":`...), c.promptIDs)
	b = appendIDs(append(b, `,"token_ids":`...), c.ids)
	b = append(b, "}]"...)
	if c.usage != nil {
		b = appendUsage(b, *c.usage)
	}
	if c.sign {
		b = e.appendFingerprint(b)
	}
	return append(b, "}\n\n"...)
}

// appendLast writes the event without choices that ends a stream with usage and, unless nil, metrics.
func (e *chunkEncoder) appendLast(b []byte, u usage, m *requestMetrics) []byte {
	b = append(append(b, e.head...), ']')
	b = e.appendFingerprint(appendUsage(b, u))
	if m != nil {
		b = m.appendTo(append(b, `,"metrics":`...))
	}
	return append(b, "}\n\n"...)
}

func (e *chunkEncoder) appendFingerprint(b []byte) []byte {
	if e.fingerprint == nil {
		return b
	}
	return append(append(b, `,"system_fingerprint":`...), e.fingerprint...)
}

// appendTo writes the metrics without the fields that are null, as streams do.
func (m *requestMetrics) appendTo(b []byte) []byte {
	b = append(append(b, `{"time_to_first_token_ms":`...), m.FirstToken.String()...)
	b = append(append(b, `,"generation_time_ms":`...), m.Generation.String()...)
	b = append(append(b, `,"queue_time_ms":`...), m.Queue.String()...)
	if m.MeanITL != nil {
		b = append(append(b, `,"mean_itl_ms":`...), m.MeanITL.String()...)
	}
	if m.TokensPerSecond != nil {
		b = append(append(b, `,"tokens_per_second":`...), m.TokensPerSecond.String()...)
	}
	return append(b, '}')
}

func appendUsage(b []byte, u usage) []byte {
	b = strconv.AppendInt(append(b, `,"usage":{"prompt_tokens":`...), int64(u.prompt), 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(u.prompt+u.completion), 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), int64(u.completion), 10)
	if u.details {
		b = strconv.AppendInt(append(b, `,"prompt_tokens_details":{"cached_tokens":`...), int64(u.cached), 10)
		b = append(b, '}')
	}
	return append(b, '}')
}

func appendIDs(b []byte, ids []int32) []byte {
	if ids == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return append(b, ']')
}
