package selftest

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/squeezebits/sqzb-orchestrate/internal/metronome"
	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// start of the pass, by CLOCK_MONOTONIC.
const began = 1_795_476_122_000_000_000

// record is a request whose tokens came at these offsets, in microseconds.
func record(id string, sentUS int64, tokensUS ...int64) bench.Record {
	r := bench.Record{RequestID: id, SentNS: new(sentUS * 1000), DueNS: 0, Chunks: len(tokensUS)}
	for i, at := range tokensUS {
		if i == 0 {
			r.FirstTokenNS = new(at * 1000)
			continue
		}
		r.ChunkDeltasUS = append(r.ChunkDeltasUS, at-tokensUS[i-1])
	}
	return r
}

// sent is what the metronome noted, at offsets in microseconds.
func sent(id string, receivedUS int64, tokensUS ...int64) *metronome.Request {
	r := &metronome.Request{ID: id, ReceivedNS: began + receivedUS*1000}
	for _, at := range tokensUS {
		r.SentNS = append(r.SentNS, began+at*1000)
		r.LateNS = append(r.LateNS, 500)
	}
	return r
}

func TestCompare(t *testing.T) {
	records := []bench.Record{
		record("good", 100, 10_007, 30_009, 50_003),
		record("lost", 200, 10_000, 30_000),
		record("extra", 300, 10_000, 30_000, 30_001),
		record("unknown", 400, 10_000),
		{RequestID: "failed", ErrorClass: client.ErrCutStream, Error: "broke", Chunks: 1, FirstTokenNS: new(int64(0))},
	}
	records[0].ChunkLagsUS = client.Lags{4, -1, 9}
	records[0].Coalesced = 1
	truth := []*metronome.Request{
		sent("good", 150, 10_000, 30_000, 50_010),
		sent("lost", 250, 10_000, 30_000, 50_000),
		sent("extra", 350, 10_000, 30_000),
		sent("failed", 0, 20_000, 40_000),
		sent("nobody's", 0, 20_000, 40_000),
	}
	truth[1].Buffered = 2
	c := compare(records, truth, began)
	got := map[string]any{
		"counts": []int{c.events, c.failed, c.lost, c.extra, c.coalesced, c.buffered, len(c.serverLate)},
		"itl":    c.itlErrors, "ttft": c.ttftErrors, "schedule": c.scheduleLags, "lags": c.clientLags, "failure": c.failure,
		"times": [][]float64{c.seenITL, c.trueITL, c.seenTTFT, c.trueTTFT},
	}
	want := map[string]any{
		"counts": []int{10, 1, 1 + 1 + 2, 1 + 1, 1, 2, 12},
		"itl":    []float64{2, 16}, "ttft": []float64{7}, "schedule": []float64{100, 200, 300, 400}, "lags": []float64{4, 9},
		"failure": "cut_stream: broke",
		"times":   [][]float64{{20.002, 19.994}, {20, 20.01}, {9.907}, {9.85}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("comparison (-want +got):\n%s", diff)
	}
}

func TestPlateau(t *testing.T) {
	tests := []struct {
		name  string
		truth []*metronome.Request
		want  float64
	}{
		{"nothing", nil, 0},
		{"one", []*metronome.Request{sent("a", 0, 0, 20_000, 40_000)}, 50},
		{"two", []*metronome.Request{sent("a", 0, 0, 20_000, 40_000), sent("b", 0, 10_000, 30_000, 50_000), sent("unanswered", 0)}, 100},
		{"never both", []*metronome.Request{sent("a", 0, 0, 20_000), sent("b", 0, 30_000, 50_000)}, 0},
	}
	for _, tt := range tests {
		if got := plateau(tt.truth); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRampUp(t *testing.T) {
	o := Options{Interval: 20 * time.Millisecond, Duration: 5 * time.Second}
	for streams, want := range map[int]time.Duration{1: o.Interval, 1000: 500 * time.Millisecond, 10_000: 2500 * time.Millisecond} {
		if got := o.rampUp(streams); got != want {
			t.Errorf("%d streams: got %v, want %v", streams, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		sample []float64
		want   *Spread
	}{
		{nil, nil},
		{[]float64{3}, &Spread{3, 3, 3}},
		{[]float64{100, 1, 2}, &Spread{2, 98.04, 100}},
		{[]float64{4, 1, 2, 3}, &Spread{2.5, 3.97, 4}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, spread(tt.sample), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.sample, diff)
		}
	}
}

func TestExactAndLimit(t *testing.T) {
	level := func(streams int, rate, p99 float64) Level {
		l := Level{Streams: streams, EventsPerSecond: rate, ITLError: &Spread{P99: p99}}
		l.Exact = l.isExact()
		return l
	}
	failed := Level{Streams: 9, EventsPerSecond: 900, ITLError: &Spread{}, Failed: 1}
	tests := []struct {
		levels []Level
		want   *Limit
		says   string
	}{
		{nil, nil, "Nothing was measured."},
		{[]Level{level(8, 400, 1000)}, nil, "This box measured none of the loads that were tried, from 8 streams up, exactly."},
		{[]Level{level(8, 400, 12), level(64, 3200, 999)}, &Limit{64, 3200}, "This box measures up to 64 streams at 3200 tokens/s; more was not tried."},
		{[]Level{level(8, 400, 12), level(64, 3200, 1001)}, &Limit{8, 400}, "This box measures up to 8 streams at 400 tokens/s."},
		{[]Level{level(8, 400, 2000), level(64, 3200, 12), failed}, &Limit{64, 3200}, "This box measures up to 64 streams at 3200 tokens/s."},
	}
	for _, tt := range tests {
		r := Result{Levels: tt.levels}
		r.conclude()
		if diff := cmp.Diff(tt.want, r.Limit); diff != "" || r.Sentence != tt.says {
			t.Errorf("got %q, want %q (-want +got):\n%s", r.Sentence, tt.says, diff)
		}
	}
}
