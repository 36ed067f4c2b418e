package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// errTokenCount is the client's class of a request whose usage does not fit what was sent or asked.
const errTokenCount = "token_count"

// passEvidence is one pass as the records and the manifest tell it.
type passEvidence struct {
	name string
	// pass is nil when the run did not get to it.
	pass *Pass
	// records are all records, succeeded those of successful requests that have every instant and count a number is made
	// of; both in the order of the prompts.
	records   []*bench.Record
	succeeded []*bench.Record
	failed    []*bench.Record
	// hollow are records of successful requests that lack an instant or a count.
	hollow []*bench.Record
	torn   int
	// counters is nil when the server told none.
	counters *Counters
	spans    spanIndex
	// audit is nil when the client left none.
	audit *ClientAudit
}

func newPassEvidence(name string, run *Run, records []bench.Record, torn int) *passEvidence {
	p := &passEvidence{name: name, pass: run.Manifest.pass(name), torn: torn, records: make([]*bench.Record, len(records)),
		spans: indexSpans(run.Spans[name])}
	if c, ok := run.Counters[name]; ok {
		p.counters = &c
	}
	if a, ok := run.Clients[name]; ok {
		p.audit = &a
	}
	for i := range records {
		p.records[i] = &records[i]
	}
	slices.SortStableFunc(p.records, func(a, b *bench.Record) int { return cmp.Compare(a.Index, b.Index) })
	for _, r := range p.records {
		switch {
		case !r.OK():
			p.failed = append(p.failed, r)
		case hollow(r):
			p.hollow = append(p.hollow, r)
		default:
			p.succeeded = append(p.succeeded, r)
		}
	}
	return p
}

func hollow(r *bench.Record) bool {
	return r.SentNS == nil || r.FirstTokenNS == nil || r.LastTokenNS == nil || r.DoneNS == nil ||
		r.PromptTokens == nil || r.CompletionTokens == nil
}

// ran reports whether the pass left anything to speak of.
func (p *passEvidence) ran() bool { return p.pass != nil || len(p.records) > 0 }

func (p *passEvidence) planned() int {
	if p.pass == nil {
		return 0
	}
	return p.pass.Requests
}

// span is the makespan: from the first request sent, whatever became of it, to the last response complete. A failed request
// has no complete response, so one that hung until it was given up does not stretch the span.
func (p *passEvidence) span() (time.Duration, bool) {
	if len(p.succeeded) == 0 {
		return 0, false
	}
	first, last := *p.succeeded[0].SentNS, *p.succeeded[0].DoneNS
	for _, r := range p.records {
		if r.SentNS != nil {
			first = min(first, *r.SentNS)
		}
	}
	for _, r := range p.succeeded {
		last = max(last, *r.DoneNS)
	}
	return time.Duration(last - first), true
}

// meanGap is the mean gap between scheduled arrivals, 0 when all were scheduled at once.
func (p *passEvidence) meanGap() time.Duration {
	if len(p.records) < 2 {
		return 0
	}
	first, last := p.records[0].ScheduledNS, p.records[0].ScheduledNS
	for _, r := range p.records {
		first, last = min(first, r.ScheduledNS), max(last, r.ScheduledNS)
	}
	return time.Duration(last-first) / time.Duration(len(p.records)-1)
}

// tokens sums the server's usage over the successful requests.
func (p *passEvidence) tokens() (prompt, completion int) {
	for _, r := range p.succeeded {
		prompt += *r.PromptTokens
		completion += *r.CompletionTokens
	}
	return prompt, completion
}

// counted are the records whose token counts can be held against what was sent and asked: successful ones, and those that
// failed for nothing but their counts.
func (p *passEvidence) counted() []*bench.Record {
	var list []*bench.Record
	for _, r := range p.records {
		if (r.OK() || r.ErrorClass == errTokenCount) && r.PromptTokens != nil && r.CompletionTokens != nil {
			list = append(list, r)
		}
	}
	return list
}

// errorClasses counts the failed requests by class.
func (p *passEvidence) errorClasses() map[string]int {
	classes := map[string]int{}
	for _, r := range p.failed {
		classes[string(r.ErrorClass)]++
	}
	return classes
}
