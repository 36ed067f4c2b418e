package client

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// timings makes ServerTimings of queue, prefill and decode; NaN is absent.
func timings(queue, prefill, decode float64) *ServerTimings {
	known := func(ms float64) *float64 {
		if math.IsNaN(ms) {
			return nil
		}
		return &ms
	}
	return &ServerTimings{QueueMS: known(queue), PrefillMS: known(prefill), DecodeMS: known(decode)}
}

func TestDecodeTimings(t *testing.T) {
	none := math.NaN()
	for _, tt := range []struct {
		name, json string
		want       *ServerTimings
	}{
		{"stock", `{"time_to_first_token_ms":16.125,"generation_time_ms":12.75,"queue_time_ms":0.04,"mean_itl_ms":4.28,"tokens_per_second":138}`,
			timings(0.04, 16.125, 12.75)},
		{"stock, one token", `{"time_to_first_token_ms":16.125,"generation_time_ms":0.0,"queue_time_ms":0}`, timings(0, 16.125, 0)},
		{"stock, every digit", `{"time_to_first_token_ms":92.71856500004105}`, timings(none, 92.71856500004105, none)},
		{"stock, nulls", `{"time_to_first_token_ms":3,"generation_time_ms":null,"queue_time_ms":null}`, timings(none, 3, none)},
		{"stock, a field of another type", `{"time_to_first_token_ms":3,"generation_time_ms":"x","queue_time_ms":1}`, timings(1, 3, none)},
		{"stock, newer parts", `{"queue_time_ms":1,"output_token_metrics":[{"x":1}],"speculative_decoding":{}}`, timings(1, none, none)},
		{"stock, negative", `{"time_to_first_token_ms":-0.001,"generation_time_ms":2,"queue_time_ms":1}`, timings(1, none, 2)},
		{"fork", `[{"arrival_time":100.5,"first_scheduled_time":100.75,"first_token_time":101.5,"last_token_time":104.5,"finished_time":104.75,
			"time_in_queue":0.25,"scheduler_time":null}]`, timings(250, 750, 3000)},
		{"fork, no last token", `[{"arrival_time":1,"first_scheduled_time":1,"first_token_time":2,"last_token_time":null,"finished_time":2.5}]`,
			timings(0, 1000, 500)},
		{"fork, only finished", `[{"finished_time":2.5}]`, nil},
		{"fork, not scheduled", `[{"arrival_time":1,"first_scheduled_time":null,"first_token_time":2,"last_token_time":3}]`, timings(none, none, 1000)},
		{"fork, clock set back", `[{"arrival_time":5,"first_scheduled_time":4,"first_token_time":6,"last_token_time":7}]`, timings(none, 2000, 1000)},
		{"fork, out of range", `[{"arrival_time":-1e308,"first_scheduled_time":1e308,"first_token_time":1e308,"last_token_time":1e308}]`,
			timings(none, 0, 0)},
		{"fork, two outputs", `[{"first_token_time":1,"last_token_time":2},{"first_token_time":1,"last_token_time":2}]`, nil},
		{"fork, null", `[null]`, nil},
		{"fork, empty", `[]`, nil},
		{"nothing known", `{}`, nil},
		{"a text", `"fast"`, nil},
		{"a number", `7`, nil},
	} {
		if diff := cmp.Diff(decodeTimings(json.RawMessage(tt.json)), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

// The timings of vLLM 0.32.0 started with --enable-per-request-metrics, to the last digit.
func TestTimingsOfCapturedStreams(t *testing.T) {
	for name, want := range map[string]struct {
		tokens  int
		timings *ServerTimings
	}{
		"stream-1": {1, timings(0.36377099991113937, 92.71856500004105, 0)},
		"stream-8": {8, timings(0.03272799995102105, 7.4808419999499165, 28.094498999962525)},
	} {
		r, _ := complete(t, replay(t, captured(t, name)), request(want.tokens))
		if r.ErrorClass != "" {
			t.Fatalf("%s: %s: %s", name, r.ErrorClass, r.Error)
		}
		if diff := cmp.Diff(r.Server, want.timings); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func TestAbsentTimings(t *testing.T) {
	for name, metrics := range map[string]string{"absent": "", "null": `,"metrics":null`, "empty": `,"metrics":{}`} {
		s := streaming(t, first+second+`data: {"choices":[],"usage":{"prompt_tokens":64,"completion_tokens":2}`+metrics+"}\n\n"+end)
		if r, _ := complete(t, s.URL, request(2)); r.ErrorClass != "" || r.Server != nil {
			t.Errorf("%s: got %v, error %s %s; want none of both", name, r.Server, r.ErrorClass, r.Error)
		}
	}
}

// FuzzTimings reads anything a server calls metrics: what comes out is absent or a time that has a JSON.
func FuzzTimings(f *testing.F) {
	for _, seed := range []string{
		`{"time_to_first_token_ms":16.1,"generation_time_ms":12.8,"queue_time_ms":0.04}`, `{"queue_time_ms":-1}`, `null`, `[]`, ``,
		`[{"arrival_time":1e308,"first_scheduled_time":-1e308,"first_token_time":2,"last_token_time":null,"finished_time":3}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := decodeTimings(raw)
		if got == nil {
			return
		}
		for _, ms := range []*float64{got.QueueMS, got.PrefillMS, got.DecodeMS} {
			if ms != nil && !(*ms >= 0 && *ms <= math.MaxFloat64) {
				t.Fatalf("%q: got %v", raw, *ms)
			}
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatal(err)
		}
	})
}
