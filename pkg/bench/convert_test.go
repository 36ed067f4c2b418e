package bench

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

func TestRecord(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	n := func(n int) *int { return &n }
	ns := func(d time.Duration) *int64 { n := d.Nanoseconds(); return &n }
	server := &client.ServerTimings{QueueMS: new(float64)}
	j := job{req: &client.Request{ID: "run-full-3", TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", PromptTokens: 64, MaxTokens: 5}, row: 3, scheduled: 10, due: 20}
	got := j.record(start, client.Result{
		Sent: at(30), Written: at(40), Headers: at(50), FirstToken: at(60), LastToken: at(1660), Done: at(2000), Status: 200,
		PromptTokens: n(64), CompletionTokens: n(5), CachedTokens: n(0), FinishReason: "stop", StopReason: json.RawMessage("257"),
		Server: server, Chunks: 5, ChunkDeltas: []time.Duration{400, 400, 400, 400},
		ChunkLags: client.Lags{7, -1, 8, 9, 9}, Coalesced: 1, ChunkTokens: []int32{1, 1, 1, 1, 1}, ErrorClass: client.ErrTokenCount, Error: "x", Resent: true,
	})
	want := Record{
		Schema: RecordSchema, Index: 3, RequestID: "run-full-3", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", PromptTokensSent: 64, MaxTokens: 5, ScheduledNS: 10, DueNS: 20,
		SentNS: ns(30), WrittenNS: ns(40), HeadersNS: ns(50), FirstTokenNS: ns(60), LastTokenNS: ns(1660), DoneNS: ns(2000), Status: 200,
		PromptTokens: n(64), CompletionTokens: n(5), CachedTokens: n(0), FinishReason: "stop", StopReason: json.RawMessage("257"),
		Server: server,
		// Four gaps of 0.4 µs are 1.6 µs, not four times 0.
		Chunks: 5, ChunkDeltasUS: []int64{0, 1, 0, 1}, ChunkLagsUS: client.Lags{7, -1, 8, 9, 9}, Coalesced: 1,
		ChunkTokens: []int32{1, 1, 1, 1, 1}, ErrorClass: client.ErrTokenCount, Error: "x", Resent: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	empty := j.record(start, client.Result{ErrorClass: client.ErrConnect})
	if empty.SentNS != nil || empty.DoneNS != nil || empty.ChunkDeltasUS != nil || empty.PromptTokens != nil {
		t.Errorf("nothing was reached: got %+v", empty)
	}
}
