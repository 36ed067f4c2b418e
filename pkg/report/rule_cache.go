package report

// cachedTokens sums what the responses say was taken from the prefix cache; nil unless every successful request says it.
func (p *passEvidence) cachedTokens() *int {
	if len(p.succeeded) == 0 {
		return nil
	}
	n := 0
	for _, r := range p.succeeded {
		if r.CachedTokens == nil {
			return nil
		}
		n += *r.CachedTokens
	}
	return &n
}

// cached is how many prompt tokens of the pass were taken from the prefix cache by the server's counters or by its
// responses, whichever says more; nil when neither tells.
func (p *passEvidence) cached() *int {
	counted, told := (*int)(nil), p.cachedTokens()
	if p.counters != nil {
		counted = p.counters.PrefixHits
	}
	if counted == nil || told != nil && *told > *counted {
		return told
	}
	return counted
}

// census is what prompts of the pass share with one another; nil when it was not taken.
func (p *passEvidence) census() *Census {
	if p.pass == nil {
		return nil
	}
	return p.pass.Census
}

// promptTokens are those of the pass for a share: what the server looked up in its cache, else what it counted in all.
func (p *passEvidence) promptTokens() int {
	if p.counters != nil && p.counters.PrefixQueries != nil {
		return *p.counters.PrefixQueries
	}
	prompt, _ := p.tokens()
	return prompt
}

// explained reports whether prompts of the data set share enough for all that was taken from the cache.
func (p *passEvidence) explained() bool {
	census := p.census()
	return census != nil && *p.cached() <= census.MaxCachedTokens
}

// rulePrefixCache: what is taken from the prefix cache must be what prompts of the data set share; anything more was in the
// cache before the pass.
func rulePrefixCache(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		if n := p.cached(); n == nil || *n == 0 || p.explained() {
			continue
		}
		hits := tokensOf(*p.cached(), p.promptTokens())
		census := p.census()
		if census == nil {
			reasons = append(reasons, suspect("prefix_cache", "%s of the %s pass came from the prefix cache, and what prompts "+
				"of the data set share is not known: prefill was cheaper than for new prompts; start the server with "+
				"no-enable-prefix-caching to measure all of it", hits, p.name))
			continue
		}
		reasons = append(reasons, suspect("prefix_cache", "%s of the %s pass came from the prefix cache, but prompts of the data "+
			"set share only %d in whole blocks of %d: the cache held prompts before the pass, and prefill was cheaper than "+
			"for new ones; look for an external or shared KV cache and for other users of the server, or start it with "+
			"no-enable-prefix-caching", hits, p.name, census.MaxCachedTokens, census.BlockSize))
	}
	return reasons
}

// ruleCachedTokens: what the responses say was cached adds up to what the server counted. A failed request may be in one
// and not in the other.
func ruleCachedTokens(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		told := p.cachedTokens()
		if told == nil || p.counters == nil || p.counters.PrefixHits == nil || len(p.failed)+len(p.hollow) > 0 ||
			*told == *p.counters.PrefixHits {
			continue
		}
		reasons = append(reasons, suspect("cached_tokens", "the responses of the %s pass tell of %s from a cache, but the server "+
			"counted %d: look for an external KV cache, whose hits older servers count in the responses only, and for "+
			"other users of the server", p.name, count(*told, "prompt token"), *p.counters.PrefixHits))
	}
	return reasons
}
