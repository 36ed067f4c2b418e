package report

import (
	"fmt"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// notes are what a reader should know beside the verdict, in a fixed order.
func notes(e *evidence) []Note {
	list := []Note{}
	for _, n := range []func(*evidence) []Note{noteTTFTSource, noteArrivalBound, noteWarmup, noteEarlyStop, noteTorn} {
		list = append(list, n(e)...)
	}
	return list
}

func note(rule, format string, args ...any) []Note {
	return []Note{{Rule: rule, Text: fmt.Sprintf(format, args...)}}
}

// noteTTFTSource says what the client's clock cannot tell apart.
func noteTTFTSource(e *evidence) []Note {
	if e.summary.TTFT.N == 0 || e.summary.TTFTSource != SourceClient {
		return nil
	}
	return note("ttft_source", "TTFT and TPOT are by the client's clock: TTFT includes the time a request spent queueing in "+
		"the server, and is exact only if nothing queued; totals, latencies and throughputs are not touched by this")
}

func noteArrivalBound(e *evidence) []Note {
	if !e.summary.ArrivalBound {
		return nil
	}
	return note("arrival_bound", "the last request was due at %.3f s, later than half of the summarization latency "+
		"(%.3f s): arrivals fill both passes, so the figures derived from summarization and generation latency are "+
		"arrival-bound and say more of the request rate than of the server; compare TTFT and TPOT instead",
		e.manifest.Load.LastArrivalSeconds, *e.summary.SummarizationLatency)
}

// noteWarmup tells of passes that were measured on a server that had not been warmed up, or not well.
func noteWarmup(e *evidence) []Note {
	var list []Note
	for _, p := range e.passes() {
		if len(p.records) == 0 || p.pass == nil {
			continue
		}
		w := p.pass.Warmup
		if w.Requests == 0 {
			list = append(list, note("warmup", "no warm-up before the %s pass: its first requests may pay for what the "+
				"server does only once", p.name)...)
		}
		if w.Failed > 0 {
			list = append(list, note("warmup", "%d of %s before the %s pass failed: the server may not have been warm",
				w.Failed, count(w.Requests, "warm-up request"), p.name)...)
		}
	}
	return list
}

// noteEarlyStop tells the share of outputs that a stop token ended before max_tokens.
func noteEarlyStop(e *evidence) []Note {
	early := where(e.full.succeeded, func(r *bench.Record) bool {
		return *r.CompletionTokens < r.MaxTokens && r.FinishReason == finishStop
	})
	if len(early) == 0 {
		return nil
	}
	n, all := len(early), len(e.full.succeeded)
	return note("early_stop", "%d of %s (%.1f %%) ended early by a stop token: the number of generated tokens depends on the "+
		"model's answers; set load.ignore_eos to true for outputs of exactly the length asked", n, count(all, "output"),
		100*float64(n)/float64(all))
}

func noteTorn(e *evidence) []Note {
	var list []Note
	for _, p := range e.passes() {
		if p.torn > 0 {
			list = append(list, note("torn_record", "%s at the end of %s/%s was cut off, as a crash does, and left out",
				count(p.torn, "line"), p.name, RecordsFile)...)
		}
	}
	return list
}
