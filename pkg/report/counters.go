package report

import (
	"fmt"
	"math"
)

// Counters are what the server's own counters say of one pass: by how much each grew between the sample after the warm-up
// and the one after the last response. Whatever is nil the server did not tell. The zero value tells nothing.
type Counters struct {
	// PromptTokens and GenerationTokens are the tokens it counted.
	PromptTokens, GenerationTokens *int
	// FinishedBefore are the requests that it had finished when the pass began.
	FinishedBefore *int
	// Finished counts the requests that it finished by finish reason; nil when it does not count them.
	Finished map[string]int
	// PrefixQueries and PrefixHits are the prompt tokens looked up in the prefix cache, and those found there or in an external
	// cache behind it.
	PrefixQueries, PrefixHits *int
	// Preemptions counts how often a running request was put back.
	Preemptions *int
	// Queue, Prefill and Decode are the time of its finished requests by phase. TimePerOutputToken is decode/(n − 1) of each,
	// 0 for an output of one token.
	Queue, Prefill, Decode, TimePerOutputToken *TimeSum
	// Iterations counts the steps of the engine.
	Iterations *int
	// Running and Waiting are samples of how many requests ran and waited, taken during the pass.
	Running, Waiting *Samples
	// Cache is the server's KV cache.
	Cache CacheConfig
}

// TimeSum is a histogram's growth: Count times that add up to Seconds.
type TimeSum struct {
	Seconds float64
	Count   int
}

// Samples are the mean and the largest value of a gauge; there is at least one sample.
type Samples struct{ Mean, Max float64 }

// CacheConfig is how the server set up its KV cache; zero values are not known.
type CacheConfig struct {
	// BlockSize is in tokens, Blocks the number of blocks, Tokens the size of the whole cache where the server says it.
	BlockSize, Blocks, Tokens int
	// PrefixCaching is nil when it is not known.
	PrefixCaching *bool
}

// size is the KV cache in tokens, 0 when it is not known.
func (c CacheConfig) size() int {
	if c.Tokens > 0 {
		return c.Tokens
	}
	return c.Blocks * c.BlockSize
}

// finished counts the finished requests of all reasons; nil when the server does not count them.
func (c *Counters) finished() *int {
	if c == nil || c.Finished == nil {
		return nil
	}
	n := 0
	for _, of := range c.Finished {
		n += of
	}
	return &n
}

// mean is the mean in milliseconds, a Distribution without any other number; empty when t is nil, holds no time, or no time
// that can be.
func (t *TimeSum) mean() Distribution {
	if t == nil || t.Count <= 0 || !plausible(t.Seconds) {
		return Distribution{}
	}
	return Distribution{N: t.Count, Mean: ptr(t.Seconds * 1e3 / float64(t.Count))}
}

// over is t with another count: some histograms count requests that have nothing to add.
func (t *TimeSum) over(n int) *TimeSum {
	if t == nil {
		return nil
	}
	return &TimeSum{Seconds: t.Seconds, Count: n}
}

// plausible tells a time from what a broken file may hold; the bound also keeps sums of many finite.
func plausible(v float64) bool { return v >= 0 && v <= 1e12 }

// PassProof is what proves, or not, that a pass ran undisturbed: the server's counters, and what the prompts themselves
// explain of them. A nil value is not known.
type PassProof struct {
	// FinishedRequests is the sum of Finished.
	FinishedRequests *int `json:"finished_requests"`
	// Finished counts the server's finished requests by finish reason.
	Finished         map[string]int `json:"finished"`
	PromptTokens     *int           `json:"prompt_tokens"`
	GenerationTokens *int           `json:"generation_tokens"`
	// PrefixQueries and PrefixHits are in tokens, by the server's counters; CachedTokens is the sum of what the responses
	// say.
	PrefixQueries *int `json:"prefix_cache_queries"`
	PrefixHits    *int `json:"prefix_cache_hits"`
	CachedTokens  *int `json:"cached_tokens"`
	// MaxCachedTokens is how many prompt tokens the data set's own shared prefixes can explain, in whole blocks of BlockSize.
	MaxCachedTokens *int  `json:"max_cached_tokens"`
	DuplicateRows   *int  `json:"duplicate_rows"`
	BlockSize       *int  `json:"block_size"`
	PrefixCaching   *bool `json:"prefix_caching"`
	Preemptions     *int  `json:"preemptions"`
	KVCacheTokens   *int  `json:"kv_cache_tokens"`
	// The samples are numbers of requests.
	RunningMean *float64 `json:"running_mean"`
	RunningMax  *float64 `json:"running_max"`
	WaitingMean *float64 `json:"waiting_mean"`
	WaitingMax  *float64 `json:"waiting_max"`
}

// proof collects what is known of a pass; nil when nothing is.
func (p *passEvidence) proof() *PassProof {
	census := p.census()
	if p.counters == nil && census == nil {
		return nil
	}
	proof := PassProof{CachedTokens: p.cachedTokens()}
	if census != nil {
		proof.MaxCachedTokens, proof.DuplicateRows = &census.MaxCachedTokens, &census.DuplicateRows
		proof.BlockSize = &census.BlockSize
	}
	c := p.counters
	if c == nil {
		return &proof
	}
	proof.FinishedRequests, proof.Finished = c.finished(), c.Finished
	proof.PromptTokens, proof.GenerationTokens = c.PromptTokens, c.GenerationTokens
	proof.PrefixQueries, proof.PrefixHits, proof.Preemptions = c.PrefixQueries, c.PrefixHits, c.Preemptions
	proof.PrefixCaching, proof.KVCacheTokens = c.Cache.PrefixCaching, known(c.Cache.size())
	if c.Cache.BlockSize > 0 {
		proof.BlockSize = &c.Cache.BlockSize
	}
	proof.RunningMean, proof.RunningMax = c.Running.numbers()
	proof.WaitingMean, proof.WaitingMax = c.Waiting.numbers()
	return &proof
}

func (s *Samples) numbers() (mean, most *float64) {
	if s == nil || !plausible(s.Mean) || !plausible(s.Max) {
		return nil, nil
	}
	return &s.Mean, &s.Max
}

// meanRunning is the tokens that the server generated per step of its engine: each running request gets one in each step.
func (c *Counters) meanRunning() *float64 {
	if c == nil || c.GenerationTokens == nil || c.Iterations == nil || *c.Iterations <= 0 {
		return nil
	}
	return ptr(float64(*c.GenerationTokens) / float64(*c.Iterations))
}

// tokensOf is "12 of 345 prompt tokens (3.5 %)".
func tokensOf(n, all int) string {
	if all <= 0 {
		return count(n, "prompt token")
	}
	return fmt.Sprintf("%d of %s (%.1f %%)", n, count(all, "prompt token"), 100*math.Abs(float64(n))/float64(all))
}
