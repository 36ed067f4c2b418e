package report

import "strings"

// notePrefixCache tells of tokens from the prefix cache that the data set explains.
func notePrefixCache(e *evidence) []Note {
	var list []Note
	for _, p := range e.passes() {
		if n := p.cached(); n == nil || *n == 0 || !p.explained() {
			continue
		}
		list = append(list, note("prefix_cache", "%s of the %s pass came from the prefix cache, which prompts of the data set "+
			"explain: they share up to %d in whole blocks of %d; prefill was cheaper than for prompts that share nothing",
			tokensOf(*p.cached(), p.promptTokens()), p.name, p.census().MaxCachedTokens, p.census().BlockSize)...)
	}
	return list
}

// noteDuplicatePrompts tells of prompts that are in the data set more than once; both passes send the same ones.
func noteDuplicatePrompts(e *evidence) []Note {
	census := e.full.census()
	if census == nil || census.DuplicateRows == 0 {
		return nil
	}
	return note("duplicate_prompts", "%s of the data set repeated from before: with prefix caching only the first of equal "+
		"prompts is prefilled in full", count(census.DuplicateRows, "prompt"))
}

// noteNotProven says what the server's counters do not prove because it does not have them. What is the same for both passes
// is said once.
func noteNotProven(e *evidence) []Note {
	var texts []string
	passes := map[string][]string{}
	for _, p := range e.passes() {
		if p.pass == nil || !p.pass.Complete {
			continue
		}
		if claims := p.unproven(); len(claims) > 0 {
			text := strings.Join(claims, ", that ")
			if passes[text] == nil {
				texts = append(texts, text)
			}
			passes[text] = append(passes[text], p.name)
		}
	}
	var list []Note
	for _, text := range texts {
		list = append(list, note("not_proven", "the server did not tell enough in the %s pass to prove that %s; it keeps the "+
			"counters of /metrics unless it is started with disable-log-stats", strings.Join(passes[text], " and the "), text)...)
	}
	return list
}

// unproven are the claims that this server's counters can neither prove nor refute.
func (p *passEvidence) unproven() []string {
	c := p.counters
	if c == nil {
		c = &Counters{}
	}
	var claims []string
	if c.finished() == nil || c.PromptTokens == nil || c.GenerationTokens == nil {
		claims = append(claims, "nobody else used it")
	}
	if off := c.Cache.PrefixCaching; p.cached() == nil && (off == nil || *off) {
		claims = append(claims, "its prefix cache was empty")
	}
	if c.Preemptions == nil {
		claims = append(claims, "nothing was preempted")
	}
	if c.Cache.size() == 0 {
		claims = append(claims, "the KV caches of both passes were of one size")
	}
	return claims
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
