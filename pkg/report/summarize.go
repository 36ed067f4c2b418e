package report

import (
	"math"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// Summarize makes the summary of a run. It is pure: equal runs give equal summaries, whatever the order of the records. The
// manifest must be final, with Ended set; one that is not says that the run never ended, and the verdict is Invalid.
func Summarize(run Run) Summary {
	m := &run.Manifest
	e := &evidence{
		manifest:      m,
		full:          newPassEvidence(PassFull, &run, run.Full, run.TornFull),
		summarization: newPassEvidence(PassSummarization, &run, run.Summarization, run.TornSummarization),
	}
	e.attribution = attribute(e)
	source := e.attribution.source
	s := Summary{
		Schema: SchemaVersion, Name: m.Name, RunID: m.RunID, Started: m.Started.UTC(),
		Thresholds: m.Thresholds,
		Totals:     totals(e.full, e.summarization),
		TTFTSource: source, FullDistributions: fullDistributions(e.full.succeeded, e.full.times(source, e.attribution.full)),
		Summarization: summarizationDistributions(e.summarization.succeeded,
			e.summarization.times(source, e.attribution.summarization)),
		Requests: Requests{Full: e.full.counts(), Summarization: e.summarization.counts()},
		Proof:    Proof{Full: e.full.proof(), Summarization: e.summarization.proof()},
		Phases:   runTimes(m),
		Model:    m.Model, Dataset: known(m.Dataset), Load: knownLoad(m.Load), Timings: knownTimings(m.Timings),
	}
	s.Client = Client{Full: e.full.client(), Summarization: e.summarization.client()}
	s.ICLSpikes = iclSpikes(e.full.succeeded, s.ICL)
	s.MeasuredGenerationLatency = decodeSeconds(e.full.succeeded, e.attribution.full)
	s.MeasuredGenerationThroughput = rate(s.TotalGeneratedTokens, s.MeasuredGenerationLatency)
	s.MeanRunningBatch = e.full.counters.meanRunning()
	s.ArrivalBound = arrivalBound(m.Load.LastArrivalSeconds, s.SummarizationLatency)
	if e.full.pass != nil {
		s.Server = known(e.full.pass.Server)
	}
	e.summary = &s
	s.Partial = len(ruleIncomplete(e)) > 0
	s.Verdict, s.Reasons = judge(e)
	s.Notes = notes(e)
	return s
}

// totals are the numbers of the whole run. Tokens are absent when no request of the full pass succeeded, a latency when
// none of its pass did, the generation latency when it is not positive, and a rate when either of its parts is.
func totals(full, summarization *passEvidence) Totals {
	var t Totals
	if len(full.succeeded) > 0 {
		prompt, completion := full.tokens()
		t.TotalInputTokens, t.TotalGeneratedTokens = &prompt, &completion
	}
	t.EndToEndLatency, t.SummarizationLatency = spanSeconds(full), spanSeconds(summarization)
	if t.EndToEndLatency != nil && t.SummarizationLatency != nil {
		// From the two numbers as they are printed, so that anyone who subtracts them gets this one to the last digit.
		if g := *t.EndToEndLatency - *t.SummarizationLatency; g > 0 {
			t.GenerationLatency = &g
		}
	}
	t.SummarizationThroughput = rate(t.TotalInputTokens, t.SummarizationLatency)
	t.EndToEndThroughput = rate(t.TotalGeneratedTokens, t.EndToEndLatency)
	t.GenerationThroughput = rate(t.TotalGeneratedTokens, t.GenerationLatency)
	if n := len(full.succeeded); n > 0 {
		t.RequestThroughput = rate(&n, t.EndToEndLatency)
	}
	return t
}

func spanSeconds(p *passEvidence) *float64 {
	span, ok := p.span()
	if !ok {
		return nil
	}
	return ptr(float64(span) / float64(time.Second))
}

func rate(n *int, seconds *float64) *float64 {
	if n == nil || seconds == nil || *seconds <= 0 {
		return nil
	}
	return ptr(float64(*n) / *seconds)
}

// arrivalBound tells whether the last request was to arrive later than half of the summarization latency: both makespans
// then contain the arrival time, and their difference says little about the server.
func arrivalBound(lastArrivalSeconds float64, summarizationLatency *float64) bool {
	return summarizationLatency != nil && lastArrivalSeconds > *summarizationLatency/2
}

func fullDistributions(succeeded []*bench.Record, t times) FullDistributions {
	var ttft, tpot, icl, e2el, lag []float64
	oneTokenPerChunk := len(succeeded) > 0
	for _, r := range succeeded {
		ttft = append(ttft, milliseconds(*r.FirstTokenNS-*r.SentNS))
		e2el = append(e2el, milliseconds(*r.LastTokenNS-*r.SentNS))
		lag = append(lag, milliseconds(*r.SentNS-r.DueNS))
		tokens := *r.CompletionTokens
		if tokens > 1 {
			tpot = append(tpot, milliseconds(*r.LastTokenNS-*r.FirstTokenNS)/float64(tokens-1))
		}
		for _, gap := range r.ChunkDeltasUS {
			icl = append(icl, float64(gap)/1e3)
		}
		oneTokenPerChunk = oneTokenPerChunk && oneTokenEach(r)
	}
	d := FullDistributions{
		TTFT: t.ttft, Queue: t.queue, Decode: t.decode, TPOT: t.tpot, TPOTSqzb: t.tpotSqzb,
		ClientTTFT: describe(ttft), ClientTPOT: describe(tpot), ICL: describe(icl), E2EL: describe(e2el),
		ScheduleLag: describe(lag),
	}
	if oneTokenPerChunk {
		d.ITL = ptr(d.ICL)
	}
	return d
}

// oneTokenEach reports whether every chunk of a request carried exactly one token: as each of them said or, where they did not
// say, as there were as many of them as tokens.
func oneTokenEach(r *bench.Record) bool {
	for _, n := range r.ChunkTokens {
		if n != 1 {
			return false
		}
	}
	return r.Chunks == *r.CompletionTokens
}

func summarizationDistributions(succeeded []*bench.Record, t times) SummarizationDistributions {
	var ttft, e2el, lag []float64
	for _, r := range succeeded {
		ttft = append(ttft, milliseconds(*r.FirstTokenNS-*r.SentNS))
		e2el = append(e2el, milliseconds(*r.LastTokenNS-*r.SentNS))
		lag = append(lag, milliseconds(*r.SentNS-r.DueNS))
	}
	return SummarizationDistributions{TTFT: t.ttft, Queue: t.queue, ClientTTFT: describe(ttft), E2EL: describe(e2el),
		ScheduleLag: describe(lag)}
}

func milliseconds(ns int64) float64 { return float64(ns) / 1e6 }

func (p *passEvidence) counts() *RequestCounts {
	if !p.ran() {
		return nil
	}
	return &RequestCounts{Planned: p.planned(), Successful: len(p.records) - len(p.failed), Failed: len(p.failed),
		Errors: p.errorClasses()}
}

// runTimes takes the phases from the manifest; own is what is left of the whole. A manifest edited by hand could make it
// infinite, which JSON cannot carry.
func runTimes(m *Manifest) RunTimes {
	var t RunTimes
	t.Full, t.Summarization = passTimes(m.pass(PassFull)), passTimes(m.pass(PassSummarization))
	if m.TotalSeconds <= 0 {
		return t
	}
	own := m.TotalSeconds
	for _, p := range m.Passes {
		own -= p.Phases.Start + p.Phases.Warmup + p.Phases.Pass + p.Phases.Stop
	}
	t.Total = ptr(m.TotalSeconds)
	if !math.IsInf(own, 0) {
		t.Own = &own
	}
	return t
}

func passTimes(p *Pass) *PassTimes {
	if p == nil {
		return nil
	}
	return &PassTimes{Start: reached(p.Phases.Start), Warmup: reached(p.Phases.Warmup), Pass: reached(p.Phases.Pass),
		Stop: reached(p.Phases.Stop)}
}

// known is nil for facts that were never filled in.
func known[T comparable](facts T) *T {
	var none T
	if facts == none {
		return nil
	}
	return &facts
}

func knownLoad(l LoadInfo) *LoadInfo {
	if l.RequestRate == "" { // "inf" or a number in every load that was planned
		return nil
	}
	return &l
}

func knownTimings(t Timings) *Timings {
	if t.Wanted == "" {
		return nil
	}
	return &t
}

// reached is nil for a phase of 0 seconds, which is how the manifest writes one that was not reached.
func reached(seconds float64) *float64 {
	if seconds == 0 {
		return nil
	}
	return &seconds
}
