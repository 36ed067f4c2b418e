package report

import (
	"cmp"
	"slices"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// times are the distributions that depend on the source: where the time of the requests of a pass went.
type times struct{ ttft, queue, decode, tpot, tpotSqzb Distribution }

// times of a pass by the source of the run. The timings are those of the pass, nil for a source of means only.
func (p *passEvidence) times(source TTFTSource, list []timing) times {
	if source == SourceHistogram {
		return histogramTimes(p.counters, p.succeeded)
	}
	t := requestTimes(p.succeeded, list)
	if source == SourceClient {
		t.queue = Distribution{}
	}
	return t
}

func requestTimes(records []*bench.Record, list []timing) times {
	var ttft, queue, decode, tpot, sqzb []float64
	for i, t := range list {
		ttft, queue, decode = append(ttft, t.prefill), append(queue, t.queue), append(decode, t.decode)
		tokens := *records[i].CompletionTokens
		if tokens > 1 {
			tpot = append(tpot, t.decode/float64(tokens-1))
		}
		if tokens > 0 {
			sqzb = append(sqzb, t.decode/float64(tokens))
		}
	}
	return times{ttft: describe(ttft), queue: describe(queue), decode: describe(decode), tpot: describe(tpot),
		tpotSqzb: describe(sqzb)}
}

// histogramTimes are means. The mean of decode/n cannot be had from sums unless all outputs have the same length n, that of
// decode/(n − 1) only where the server has a histogram of it. A histogram that did not count the successful requests of the
// pass is not used.
func histogramTimes(c *Counters, succeeded []*bench.Record) times {
	if c == nil {
		return times{}
	}
	ours := func(t *TimeSum) *TimeSum {
		if t == nil || t.Count != len(succeeded) {
			return nil
		}
		return t
	}
	decode := ours(c.Decode)
	t := times{ttft: ours(c.Prefill).mean(), queue: ours(c.Queue).mean(), decode: decode.mean(),
		tpot: ours(c.TimePerOutputToken).over(longerThanOne(succeeded)).mean()}
	n := sameLength(succeeded)
	if n > 0 {
		t.tpotSqzb = decode.over(n * len(succeeded)).mean()
		t.tpotSqzb.N = t.decode.N
	}
	if n > 1 && t.tpot.N == 0 {
		t.tpot = decode.over((n - 1) * len(succeeded)).mean()
		t.tpot.N = t.decode.N
	}
	return t
}

func longerThanOne(records []*bench.Record) int {
	return len(where(records, func(r *bench.Record) bool { return *r.CompletionTokens > 1 }))
}

// sameLength is the number of tokens that every output has, 0 when they differ.
func sameLength(records []*bench.Record) int {
	if len(records) == 0 {
		return 0
	}
	n := *records[0].CompletionTokens
	if slices.ContainsFunc(records, func(r *bench.Record) bool { return *r.CompletionTokens != n }) {
		return 0
	}
	return n
}

// decodeSeconds is how long at least one request was between its first and its last token: the union of these spans, each
// laid down from when the client sent the request. It is nil when there is none.
func decodeSeconds(records []*bench.Record, list []timing) *float64 {
	type span struct{ begin, end float64 } // ms
	spans := make([]span, len(list))
	for i, t := range list {
		begin := milliseconds(*records[i].SentNS) + t.queue + t.prefill
		spans[i] = span{begin, begin + t.decode}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) })
	var total, until float64
	for i, s := range spans {
		if i == 0 || s.begin > until {
			until = s.begin
		}
		if s.end > until {
			total += s.end - until
			until = s.end
		}
	}
	if total <= 0 {
		return nil
	}
	return ptr(total / 1e3)
}
