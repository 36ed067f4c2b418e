package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// TTFTSource names where the times of requests come from; one source serves a whole run.
type TTFTSource string

// The sources, the best first. All but SourceClient tell queueing apart.
const (
	// SourceResponse is the metrics in the server's own responses.
	SourceResponse TTFTSource = "response"
	// SourceTrace is the server's OpenTelemetry spans.
	SourceTrace TTFTSource = "trace"
	// SourceHistogram is the growth of the histograms in /metrics: means only.
	SourceHistogram TTFTSource = "histogram"
	// SourceClient is the client's own clock: TTFT then includes the time a request spent queueing in the server.
	SourceClient TTFTSource = "client"
)

func sources() []TTFTSource {
	return []TTFTSource{SourceResponse, SourceTrace, SourceHistogram, SourceClient}
}

// timing is where the time of one request went, in milliseconds. By the client's clock queue is 0, as prefill contains it.
type timing struct{ queue, prefill, decode float64 }

// attribution is the source that the times of a run are taken from. Full and summarization are the timings of the successful
// requests of the passes, in their order; nil when the source has none of single requests.
type attribution struct {
	source              TTFTSource
	full, summarization []timing
	// passedOver says of each better source that should have served, or nearly did, why it does not.
	passedOver []string
}

// attribute takes the best source that every successful request of both passes has, of those that the recipe allows: a run in
// which some times are with queueing and some without could not be read.
func attribute(e *evidence) attribution {
	var a attribution
	if len(e.full.succeeded)+len(e.summarization.succeeded) == 0 {
		a.source = SourceClient
		return a
	}
	for _, source := range allowedSources(e.manifest.Timings.Wanted) {
		var missing *gap
		if source == SourceHistogram {
			a.full, a.summarization, missing = nil, nil, histogramGap(e)
		} else {
			a.full, a.summarization, missing = timingsOf(e, source)
		}
		if missing == nil {
			a.source = source
			return a
		}
		if missing.partial || source == e.manifest.Timings.Source {
			a.passedOver = append(a.passedOver, string(source)+" "+missing.text)
		}
	}
	return a
}

// gap is why a source cannot serve; partial when it has something, but not all.
type gap struct {
	text    string
	partial bool
}

// allowedSources are the source that the recipe asks for and those below it; all for "auto".
func allowedSources(wanted string) []TTFTSource {
	all := sources()
	return all[max(slices.Index(all, TTFTSource(wanted)), 0):]
}

// timingsOf gives the timings of both passes by a source of single requests, or why it cannot serve.
func timingsOf(e *evidence, source TTFTSource) (full, summarization []timing, missing *gap) {
	full, summarization = e.full.timings(source), e.summarization.timings(source)
	f, s := len(e.full.succeeded)-len(full), len(e.summarization.succeeded)-len(summarization)
	all := len(e.full.succeeded) + len(e.summarization.succeeded)
	if f+s == 0 {
		return full, summarization, nil
	}
	return nil, nil, &gap{partial: f+s < all, text: fmt.Sprintf("is missing for %d of %s (%s %d, %s %d)", f+s,
		count(all, "successful request"), PassFull, f, PassSummarization, s)}
}

// timings are those of the successful requests that have one by this source.
func (p *passEvidence) timings(source TTFTSource) []timing {
	find := map[TTFTSource]func(*bench.Record) *timing{
		SourceResponse: responseTiming, SourceTrace: p.traceTiming, SourceClient: clientTiming,
	}[source]
	list := make([]timing, 0, len(p.succeeded))
	for _, r := range p.succeeded {
		if t := find(r); t != nil {
			list = append(list, *t)
		}
	}
	return list
}

func responseTiming(r *bench.Record) *timing {
	if r.Server == nil {
		return nil
	}
	return newTiming(r.Server.QueueMS, r.Server.PrefillMS, r.Server.DecodeMS)
}

func (p *passEvidence) traceTiming(r *bench.Record) *timing {
	s := p.spans.of(r)
	if s == nil {
		return nil
	}
	return newTiming(s.QueueMS, s.PrefillMS, s.DecodeMS)
}

func clientTiming(r *bench.Record) *timing {
	return &timing{prefill: milliseconds(*r.FirstTokenNS - *r.SentNS), decode: milliseconds(*r.LastTokenNS - *r.FirstTokenNS)}
}

// newTiming needs all three times.
func newTiming(queue, prefill, decode *float64) *timing {
	for _, ms := range []*float64{queue, prefill, decode} {
		if ms == nil || !plausible(*ms) {
			return nil
		}
	}
	return &timing{*queue, *prefill, *decode}
}

// histogramGap says why the histograms of /metrics cannot serve: they must have counted the successful requests of both
// passes and no others. It is nil when they can.
func histogramGap(e *evidence) *gap {
	var gaps []string
	counted := false
	for _, p := range e.passes() {
		n := len(p.succeeded)
		switch {
		case n == 0:
		case p.counters == nil || p.counters.Prefill.mean().N == 0:
			gaps = append(gaps, "is missing for the "+p.name+" pass")
		case p.counters.Prefill.Count != n:
			counted = true
			gaps = append(gaps, fmt.Sprintf("counted %s in the %s pass, where %d succeeded",
				count(p.counters.Prefill.Count, "request"), p.name, n))
		}
	}
	if len(gaps) == 0 {
		return nil
	}
	return &gap{text: strings.Join(gaps, " and "), partial: counted}
}
