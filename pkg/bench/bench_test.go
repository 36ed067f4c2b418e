package bench

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

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
