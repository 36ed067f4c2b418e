package client

import (
	"bytes"
	"encoding/json"
	"math"
)

// ServerTimings is what the server itself said of one request, in milliseconds by its own clock. A nil interval is one
// that it did not tell.
type ServerTimings struct {
	// QueueMS is from queued to first scheduled.
	QueueMS *float64 `json:"queue_ms,omitempty"`
	// PrefillMS is from first scheduled to first token: the time to first token without queueing.
	PrefillMS *float64 `json:"prefill_ms,omitempty"`
	// DecodeMS is from first to last token; 0 for an output of one token.
	DecodeMS *float64 `json:"decode_ms,omitempty"`
}

// number is a JSON number; null, absent and values of another type leave it unset.
type number struct {
	value float64
	set   bool
}

// UnmarshalJSON never fails, so that one odd field does not hide the others.
func (n *number) UnmarshalJSON(text []byte) error {
	n.set = string(text) != "null" && json.Unmarshal(text, &n.value) == nil
	return nil
}

// wireMetrics is the metrics object of stock vLLM 0.25 and later (--enable-per-request-metrics).
type wireMetrics struct {
	Queue      number `json:"queue_time_ms"`
	FirstToken number `json:"time_to_first_token_ms"`
	Generation number `json:"generation_time_ms"`
}

// wireInstants is one entry of the metrics list of the SqueezeBits fork: seconds of the server's wall clock.
type wireInstants struct {
	Arrival        number `json:"arrival_time"`
	FirstScheduled number `json:"first_scheduled_time"`
	FirstToken     number `json:"first_token_time"`
	LastToken      number `json:"last_token_time"`
	Finished       number `json:"finished_time"`
}

// decodeTimings reads the metrics of a response, which is an object in stock vLLM and a list in the SqueezeBits fork. It is
// lenient, as what a server adds here must not fail a request: what is not understood is absent, nil when nothing is left.
func decodeTimings(raw json.RawMessage) *ServerTimings {
	var t ServerTimings
	if bytes.HasPrefix(raw, []byte{'['}) {
		t = fromInstants(raw)
	} else {
		t = fromIntervals(raw)
	}
	if t == (ServerTimings{}) {
		return nil
	}
	return &t
}

func fromIntervals(raw json.RawMessage) ServerTimings {
	var w wireMetrics
	_ = json.Unmarshal(raw, &w) // fails only for what is no object, which tells nothing
	return ServerTimings{QueueMS: interval(w.Queue), PrefillMS: interval(w.FirstToken), DecodeMS: interval(w.Generation)}
}

// fromInstants takes a list of one entry: a request has one prompt and one output, so of several none is known to be its.
func fromInstants(raw json.RawMessage) ServerTimings {
	var list []wireInstants
	_ = json.Unmarshal(raw, &list) // fails for an entry that is no object, which tells nothing either
	if len(list) != 1 {
		return ServerTimings{}
	}
	w := list[0]
	last := w.LastToken
	if !last.set {
		last = w.Finished
	}
	return ServerTimings{
		QueueMS:   between(w.Arrival, w.FirstScheduled),
		PrefillMS: between(w.FirstScheduled, w.FirstToken),
		DecodeMS:  between(w.FirstToken, last),
	}
}

// between is the milliseconds from one instant in seconds to another.
func between(from, to number) *float64 {
	return interval(number{value: (to.value - from.value) * 1e3, set: from.set && to.set})
}

// interval is nil for what cannot be one: a wall clock may have been set back, and an infinity has no JSON.
func interval(ms number) *float64 {
	if !ms.set || ms.value < 0 || math.IsInf(ms.value, 0) || math.IsNaN(ms.value) {
		return nil
	}
	return &ms.value
}
