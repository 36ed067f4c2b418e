package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// notes are what a reader should know beside the verdict, in a fixed order.
func notes(e *evidence) []Note {
	list := []Note{}
	for _, n := range []func(*evidence) []Note{noteTTFTSource, noteArrivalBound, noteMeasuredGeneration, noteWarmup,
		noteEarlyStop, noteStamps, notePrefixCache, noteDuplicatePrompts, noteNotProven, noteGPUUnknown, noteTorn} {
		list = append(list, n(e)...)
	}
	return list
}

func note(rule, format string, args ...any) []Note {
	return []Note{{Rule: rule, Text: fmt.Sprintf(format, args...)}}
}

// noteTTFTSource says what the source cannot tell, and why it is not a better one.
func noteTTFTSource(e *evidence) []Note {
	var list []Note
	if refused := e.manifest.Timings.Refused; refused != nil {
		list = note("ttft_source", "%s; the server was started once more without it", printable(*refused))
	}
	if len(e.attribution.passedOver) > 0 {
		list = append(list, note("ttft_source", "times are by the source %s, since %s: one source serves a whole run", e.attribution.source,
			strings.Join(e.attribution.passedOver, ", and "))...)
	}
	switch {
	case e.summary.TTFT.N == 0:
	case e.attribution.source == SourceClient:
		list = append(list, note("ttft_source", "TTFT and TPOT are by the client's clock: TTFT includes the time a request "+
			"spent queueing in the server%s, and is exact only if nothing queued; totals, latencies and throughputs are not "+
			"touched by this", queueClause(e.full.counters))...)
	case e.attribution.source == SourceHistogram:
		list = append(list, note("ttft_source", "times by the server's histograms are means over a pass: they have no "+
			"percentiles")...)
	}
	return list
}

// queueClause is what the server's counters say of queueing, where the client's clock says nothing.
func queueClause(c *Counters) string {
	if c == nil || c.Queue.mean().N == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.3f ms in the mean, by the server's counters)", *c.Queue.mean().Mean)
}

// noteMeasuredGeneration tells when the two ways to a generation latency are far apart.
func noteMeasuredGeneration(e *evidence) []Note {
	derived, measured := e.summary.GenerationLatency, e.summary.MeasuredGenerationLatency
	if derived == nil || measured == nil {
		return nil
	}
	share := math.Abs(*derived-*measured) / *measured
	if share <= e.summary.Thresholds.MeasuredGapShare {
		return nil
	}
	return note("measured_generation", "the generation latency is %.3f s derived and %.3f s measured, %.1f %% of it apart: the "+
		"derived one subtracts the whole summarization pass, as if nothing was decoded while any prompt was prefilled; the "+
		"measured one is all time in which any request was between its first and last token, prefills of others included; "+
		"compare runs by the same one of the two", *derived, *measured, 100*share)
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

// noteStamps tells of a pass in which the kernel did not stamp what came, or not all of it.
func noteStamps(e *evidence) []Note {
	var list []Note
	for _, c := range e.clients() {
		if c.audit.Stamps != StampsKernel {
			list = append(list, note("stamps", "what came in the %s pass is stamped when this program had read it, so its own lag is "+
				"in the client's times: receive stamps of the kernel: %s", c.name, printable(c.audit.Why))...)
			continue
		}
		if n := *c.section.Unstamped; n > 0 {
			list = append(list, note("stamps", "the stamp of %s of the %s pass is of when this program had read what came, as the "+
				"kernel's could not be used; this machine's clock was set %s meanwhile", count(n, "chunk"), c.name,
				count(*c.section.ClockSteps, "time"))...)
		}
	}
	return list
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
