package report

import (
	"fmt"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
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

// fail makes a record that of a failed request.
func fail(r *bench.Record, class, text string) {
	r.ErrorClass, r.Error = "cut_stream", text
	r.PromptTokens, r.CompletionTokens, r.FinishReason = nil, nil, ""
	if class == errTokenCount {
		r.ErrorClass = errTokenCount
	}
}
