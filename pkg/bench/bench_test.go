package bench

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// BenchmarkDispatch is the cost of letting a request go and recording it.
func BenchmarkDispatch(b *testing.B) {
	o := options(b.N, func(context.Context, *client.Request, *atomic.Int64) client.Result { return client.Result{} }, 0)
	o.Concurrency = 64
	b.ReportAllocs()
	b.ResetTimer()
	if pass, err := Run(b.Context(), o); err != nil || len(pass.Records) != b.N {
		b.Fatal(len(pass.Records), err)
	}
}

// BenchmarkLateness is how late requests go at 2,000 a second, one operation being one request: sent − scheduled, where to send
// is only to look at the clock. What it says holds for the machine as busy as it is.
func BenchmarkLateness(b *testing.B) {
	for name, pace := range map[string]func(context.Context) (pacer.Wait, func(), error){"kernel": pacer.New, "runtime": pacer.Timer} {
		b.Run(name, func(b *testing.B) {
			o := options(b.N, func(context.Context, *client.Request, *atomic.Int64) client.Result {
				return client.Result{Sent: time.Now()}
			}, 0)
			o.Offsets, o.pace = Schedule(Arrivals{N: b.N, Rate: 2000, Seed: 1}), pace
			pass, err := Run(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			var late []time.Duration
			for _, r := range pass.Records {
				late = append(late, time.Duration(*r.SentNS-r.ScheduledNS))
			}
			slices.Sort(late)
			last := len(late) - 1
			b.ReportMetric(float64(late[last/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(late[last*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(late[last].Microseconds()), "max-µs")
			b.ReportMetric(0, "ns/op") // it is the schedule's
		})
	}
}

// BenchmarkRecord is the cost of one line of the journal for an output of 1,024 tokens.
func BenchmarkRecord(b *testing.B) {
	j := job{req: &client.Request{ID: "run-full-0", PromptTokens: 1024, MaxTokens: 1024}}
	r := client.Result{Chunks: 1024}
	for i := range 1023 {
		r.ChunkDeltas = append(r.ChunkDeltas, 20*time.Millisecond+time.Duration(i*7919%100_000))
	}
	start := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(j.record(start, r)); err != nil {
			b.Fatal(err)
		}
	}
}
