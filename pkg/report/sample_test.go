package report

import (
	"fmt"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// sampleRun is a valid run of four requests with round numbers: all due at 0, sent 1 ms apart (row 0 at 1 ms), first token
// after 50 ms + 10 ms a row, 8 tokens 20 ms apart, complete 1 ms later; one token in the summarization pass.
func sampleRun() Run {
	m := Manifest{
		Schema: SchemaVersion, Name: "sample", RunID: "20261123T100000Z-00ff00",
		Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Ended: time.Date(2026, 11, 23, 10, 1, 0, 0, time.UTC),
		TotalSeconds: 60.5, Thresholds: DefaultThresholds(),
		Dataset: DatasetInfo{Source: "random", Format: "random", Requests: 4, PromptTokens: 46, Shortest: 10, Longest: 13},
		Load:    LoadInfo{RequestRate: "inf", MaxOutputLen: 8, IgnoreEOS: true},
	}
	run := Run{Manifest: m}
	for i := range 4 {
		run.Full = append(run.Full, sampleRecord(PassFull, i, 8))
		run.Summarization = append(run.Summarization, sampleRecord(PassSummarization, i, 1))
	}
	for _, name := range []string{PassFull, PassSummarization} {
		run.Manifest.Passes = append(run.Manifest.Passes, Pass{
			Name: name, Requests: 4, Complete: true, Server: ServerInfo{Version: "0.32.0", Root: "/m", MaxModelLen: 2048},
			Warmup: Warmup{Requests: 2, PromptTokens: 32, CompletionTokens: 4},
			Phases: Phases{Start: 20, Warmup: 1, Pass: 4, Stop: 5},
		})
	}
	return run
}

func sampleRecord(pass string, row, tokens int) bench.Record {
	at := func(ms int) *int64 { return ptr(int64(ms) * 1e6) }
	sent := 1 + row
	first := sent + 50 + 10*row
	last := first + 20*(tokens-1)
	r := bench.Record{
		Index: row, RequestID: fmt.Sprintf("id-%s-%d", pass, row), PromptTokensSent: 10 + row, MaxTokens: tokens,
		SentNS: at(sent), WrittenNS: at(sent), HeadersNS: at(sent), FirstTokenNS: at(first), LastTokenNS: at(last),
		DoneNS: at(last + 1), Status: 200, PromptTokens: ptr(10 + row), CompletionTokens: ptr(tokens), FinishReason: "length",
		Chunks: tokens,
	}
	for range tokens - 1 {
		r.ChunkDeltasUS = append(r.ChunkDeltasUS, 20_000)
	}
	return r
}

// provenRun is sampleRun on a server that tells everything: times of each request in its response (queued 2 ms + 9 ms a row,
// 31 ms + row prefill, 17 ms less decode than the client sees), counters that fit, a cache without hits.
func provenRun() Run {
	run := sampleRun()
	run.Manifest.Timings = Timings{Wanted: "auto", Source: SourceResponse, Why: "because", Added: []string{"--a", "B=c"}}
	run.Counters = map[string]Counters{}
	for i, pass := range []string{PassFull, PassSummarization} {
		records := [][]bench.Record{run.Full, run.Summarization}[i]
		generated := 0
		for row := range records {
			r := &records[row]
			decode := max(milliseconds(*r.LastTokenNS-*r.FirstTokenNS)-17, 0)
			r.Server = serverTimings(float64(2+9*row), float64(31+row), decode)
			r.CachedTokens = ptr(0)
			generated += *r.CompletionTokens
		}
		run.Manifest.Passes[i].PromptsSHA256 = "c0ffee"
		run.Manifest.Passes[i].Census = &Census{BlockSize: 16}
		run.Counters[pass] = Counters{
			PromptTokens: ptr(46), GenerationTokens: &generated, Finished: map[string]int{"length": 4, "stop": 0},
			PrefixQueries: ptr(46), PrefixHits: ptr(0), Preemptions: ptr(0), Iterations: ptr(10),
			Queue: &TimeSum{0.062, 4}, Prefill: &TimeSum{0.130, 4}, Decode: &TimeSum{0.492, 4},
			Cache: CacheConfig{BlockSize: 16, Blocks: 100, PrefixCaching: ptr(true)},
		}
	}
	return run
}

// serverTimings are those of a response.
func serverTimings(queue, prefill, decode float64) *client.ServerTimings {
	return &client.ServerTimings{QueueMS: &queue, PrefillMS: &prefill, DecodeMS: &decode}
}

// recount changes a counter of a pass.
func recount(run *Run, pass string, change func(*Counters)) {
	c := run.Counters[pass]
	change(&c)
	run.Counters[pass] = c
}

// fail makes a record that of a failed request.
func fail(r *bench.Record, class, text string) {
	r.ErrorClass, r.Error = "cut_stream", text
	r.PromptTokens, r.CompletionTokens, r.FinishReason = nil, nil, ""
	if class == errTokenCount {
		r.ErrorClass = errTokenCount
	}
}
