package report

import (
	"fmt"
	"strings"
)

// tally holds one of the server's counters against what we know of it: at least low, at most high. The two differ by the
// requests that failed, of which the server may have done any part.
type tally struct {
	name      string
	counted   *int
	low, high int
}

func (t tally) text() string {
	ours := fmt.Sprint(t.low)
	if t.high != t.low {
		ours += fmt.Sprintf(" to %d", t.high)
	}
	return fmt.Sprintf("%d %s where %s are ours", *t.counted, t.name, ours)
}

// tallies are the counters that must have grown by exactly what we sent and received; none when the records cannot tell.
// The warm-up is not in them: the first sample is taken after it.
func (p *passEvidence) tallies() []tally {
	if p.counters == nil || len(p.hollow) > 0 {
		return nil
	}
	prompt, generated := p.tokens()
	requests := tally{"finished requests", p.counters.finished(), len(p.succeeded), len(p.succeeded) + len(p.failed)}
	prompts := tally{"prompt tokens", p.counters.PromptTokens, prompt, prompt}
	outputs := tally{"generated tokens", p.counters.GenerationTokens, generated, generated}
	for _, r := range p.failed {
		prompts.high += max(r.PromptTokensSent, orZero(r.PromptTokens))
		outputs.high += max(r.MaxTokens, orZero(r.CompletionTokens))
	}
	return []tally{requests, prompts, outputs}
}

func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// mismatches are the texts of the tallies that match.
func (p *passEvidence) mismatches(match func(tally) bool) []string {
	var list []string
	for _, t := range p.tallies() {
		if t.counted != nil && match(t) {
			list = append(list, t.text())
		}
	}
	return list
}

func tooMany(t tally) bool { return *t.counted > t.high }
func tooFew(t tally) bool  { return *t.counted < t.low }

// earlier is the tally of what the server had done before the pass: nothing but readiness probes and the warm-up.
func (p *passEvidence) earlier() (t tally, known bool) {
	if p.pass == nil || p.counters == nil || p.counters.FinishedBefore == nil {
		return tally{}, false
	}
	w := p.pass.Warmup
	return tally{"requests finished before the pass", p.counters.FinishedBefore, 0, w.Probes + w.Requests}, w.Probes > 0
}

// ruleForeignRequests: the server must have done nothing but what we asked of it.
func ruleForeignRequests(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		list := p.mismatches(tooMany)
		if t, known := p.earlier(); known && tooMany(t) {
			list = append(list, fmt.Sprintf("%d %s where at most %d are ours", *t.counted, t.name, t.high))
		}
		if len(list) > 0 {
			reasons = append(reasons, invalid("foreign_requests", "somebody else used the server of the %s pass: it counted "+
				"%s; the numbers are of both loads: keep others away from the server's port, and run again", p.name,
				strings.Join(list, ", ")))
		}
	}
	return reasons
}

// ruleServerCounters: the server must have counted all that we received.
func ruleServerCounters(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		if list := p.mismatches(tooFew); len(list) > 0 {
			reasons = append(reasons, invalid("server_counters", "the server of the %s pass counted only %s: its counters and "+
				"its responses contradict each other; look whether something answers in its place, such as a proxy, and run "+
				"again", p.name, strings.Join(list, ", ")))
		}
	}
	return reasons
}

// rulePreemptions: a request that was put back is partly computed twice.
func rulePreemptions(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		if p.counters == nil || orZero(p.counters.Preemptions) == 0 {
			continue
		}
		reasons = append(reasons, suspect("preemptions", "%s in the %s pass: the KV cache%s was too small for what ran at "+
			"once, and part of the work was done twice; lower max-num-seqs, or give the cache more memory "+
			"(gpu-memory-utilization)", count(*p.counters.Preemptions, "preemption"), p.name,
			sizeClause(p.counters.Cache)))
	}
	return reasons
}

func sizeClause(c CacheConfig) string {
	if c.size() == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d tokens", c.size())
}
