package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func on(pass string, change func(*Counters)) func(*Run) {
	return func(r *Run) { recount(r, pass, change) }
}

// Each rule that reads the server's counters, on both sides of its boundary. The full pass sent 46 prompt tokens in four
// requests and received 32.
func TestProofRules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string
		text   string // in the first reason
	}{
		{"all that was sent and received", func(*Run) {}, nil, ""},

		{"one request too many", on(PassFull, func(c *Counters) { c.Finished["stop"] = 1 }), []string{"invalid foreign_requests"},
			"somebody else used the server of the full pass: it counted 5 finished requests where 4 are ours; the"},
		{"one prompt token too many", on(PassSummarization, func(c *Counters) { *c.PromptTokens++ }), []string{"invalid foreign_requests"},
			"the server of the summarization pass: it counted 47 prompt tokens where 46 are ours; the numbers"},
		{"a stranger's request", on(PassFull, func(c *Counters) {
			c.Finished["length"], *c.PromptTokens, *c.GenerationTokens = 5, 110, 40
		}), []string{"invalid foreign_requests"}, "it counted 5 finished requests where 4 are ours, 110 prompt tokens where 46 are " +
			"ours, 40 generated tokens where 32 are ours"},
		{"one generated token too few", on(PassFull, func(c *Counters) { *c.GenerationTokens-- }), []string{"invalid server_counters"},
			"the server of the full pass counted only 31 generated tokens where 32 are ours: its counters"},
		{"one finished too few", on(PassFull, func(c *Counters) { c.Finished["length"] = 3 }), []string{"invalid server_counters"},
			"counted only 3 finished requests where 4 are ours"},
		{"a failed request, not done at all", func(r *Run) {
			fail(&r.Full[3], "connect", "refused")
			r.Manifest.Thresholds.MaxFailed = 1
			recount(r, PassFull, func(c *Counters) { c.Finished["length"], *c.PromptTokens, *c.GenerationTokens = 3, 33, 24 })
		}, []string{"suspect failed_requests"}, ""},
		{"a failed request, all done", func(r *Run) {
			fail(&r.Full[3], "connect", "refused")
			r.Manifest.Thresholds.MaxFailed = 1
		}, []string{"suspect failed_requests"}, ""},
		{"a failed request and a token more", func(r *Run) {
			fail(&r.Full[3], "connect", "refused")
			r.Manifest.Thresholds.MaxFailed = 1
			recount(r, PassFull, func(c *Counters) { *c.GenerationTokens++ })
		}, []string{"invalid foreign_requests", "suspect failed_requests"}, "33 generated tokens where 24 to 32 are ours"},
		{"records that cannot tell", func(r *Run) { r.Full[1].DoneNS = nil }, []string{"invalid records"}, ""},

		{"one preemption", on(PassFull, func(c *Counters) { *c.Preemptions = 1 }), []string{"suspect preemptions"},
			"1 preemption in the full pass: the KV cache of 1600 tokens was too small for what ran at once"},

		{"hits that the prompts explain", func(r *Run) { cacheHits(r, 16, 16) }, nil, ""},
		{"one hit more than the prompts explain", func(r *Run) { cacheHits(r, 17, 16) }, []string{"suspect prefix_cache"},
			"17 of 46 prompt tokens (37.0 %) of the full pass came from the prefix cache, but prompts of the data set share only 16 in " +
				"whole blocks of 16: the cache held prompts before the pass"},
		{"hits and no census", func(r *Run) { cacheHits(r, 1, 16); r.Manifest.Passes[0].Census = nil }, []string{"suspect prefix_cache"},
			"1 of 46 prompt tokens (2.2 %) of the full pass came from the prefix cache, and what prompts of the data set share is not known"},
		{"hits that only the responses tell", func(r *Run) {
			cacheHits(r, 17, 16)
			recount(r, PassFull, func(c *Counters) { c.PrefixHits, c.PrefixQueries = nil, nil })
		}, []string{"suspect prefix_cache"}, "17 of 46 prompt tokens"},
		{"hits that only the counters tell", func(r *Run) { cacheHits(r, 17, 16); r.Full[1].CachedTokens = nil },
			[]string{"suspect prefix_cache"}, "17 of 46 prompt tokens"},

		{"cached tokens that do not add up", func(r *Run) { cacheHits(r, 16, 16); *r.Full[2].CachedTokens = 1 },
			[]string{"suspect prefix_cache", "suspect cached_tokens"}, ""},
		{"an external cache", func(r *Run) { *r.Full[2].CachedTokens, r.Manifest.Passes[0].Census.MaxCachedTokens = 12, 16 },
			[]string{"suspect cached_tokens"}, "the responses of the full pass tell of 12 prompt tokens from a cache, but the server counted 0"},
		{"a failed request may have been cached", func(r *Run) {
			*r.Full[2].CachedTokens, r.Manifest.Passes[0].Census.MaxCachedTokens = 12, 16
			fail(&r.Full[3], "connect", "refused")
			r.Manifest.Thresholds.MaxFailed = 1
		}, []string{"suspect failed_requests"}, ""},

		{"another KV-cache size", on(PassSummarization, func(c *Counters) { c.Cache.Blocks++ }), []string{"invalid server_differences"},
			"the server's KV-cache size in tokens was 1600 in the full pass and 1616 in the summarization pass"},
		{"the same KV-cache size told otherwise", on(PassSummarization, func(c *Counters) { c.Cache = CacheConfig{Tokens: 1600} }), nil, ""},
		{"a KV-cache size that is not told is no difference", on(PassSummarization, func(c *Counters) { c.Cache = CacheConfig{} }), nil, ""},

		{"other prompts", func(r *Run) { r.Manifest.Passes[1].PromptsSHA256 = "c0ffef" }, []string{"invalid prompt_differences"},
			"the SHA-256 of the prompts was c0ffee in the full pass and c0ffef in the summarization pass"},
		{"a hash that is not known is no difference", func(r *Run) { r.Manifest.Passes[1].PromptsSHA256 = "" }, nil, ""},
		{"one prompt token more", func(r *Run) {
			r.Summarization[0].PromptTokensSent++
			*r.Summarization[0].PromptTokens++
			recount(r, PassSummarization, func(c *Counters) { *c.PromptTokens++ })
		}, []string{"invalid prompt_differences"},
			"the number of prompt tokens sent was 46 in the full pass and 47 in the summarization pass"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := provenRun()
			tc.change(&run)
			wantReasons(t, Summarize(run), tc.want, tc.text)
		})
	}
}

// cacheHits gives the full pass hits, told alike by counters and responses, and a census.
func cacheHits(r *Run, hits, explained int) {
	recount(r, PassFull, func(c *Counters) { c.PrefixHits = &hits })
	r.Full[1].CachedTokens = &hits
	r.Manifest.Passes[0].Census.MaxCachedTokens = explained
}

func TestProofNotes(t *testing.T) {
	const all = "nobody else used it, that its prefix cache was empty, that nothing was preempted, that the KV caches of both passes " +
		"were of one size; it keeps"
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string
		text   string // in the last note
	}{
		{"proven", func(*Run) {}, nil, ""},
		{"no counters", func(r *Run) { r.Counters = nil; r.Full[0].CachedTokens, r.Summarization[0].CachedTokens = nil, nil },
			[]string{"not_proven"}, "the server did not tell enough in the full and the summarization pass to prove that " + all},
		{"no counters, but responses", func(r *Run) { r.Counters = nil }, []string{"not_proven"}, "nobody else used it, that nothing was"},
		{"no counters in one pass", func(r *Run) { delete(r.Counters, PassSummarization) }, []string{"not_proven"},
			"did not tell enough in the summarization pass to prove"},
		{"different counters", func(r *Run) {
			recount(r, PassFull, func(c *Counters) { c.Preemptions = nil })
			recount(r, PassSummarization, func(c *Counters) { c.Finished = nil })
		}, []string{"not_proven", "not_proven"}, "in the summarization pass to prove that nobody else used it; it"},
		{"no cache, no hits to count", func(r *Run) {
			r.Full[0].CachedTokens = nil
			recount(r, PassFull, func(c *Counters) { c.PrefixHits, c.Cache.PrefixCaching = nil, ptr(false) })
		}, nil, ""},
		{"a pass that did not end proves nothing", func(r *Run) { r.Manifest.Passes[0].Complete, r.Counters = false, map[string]Counters{} },
			[]string{"not_proven"}, "did not tell enough in the summarization pass to prove"},
		{"hits explained", func(r *Run) { cacheHits(r, 12, 16) }, []string{"prefix_cache"},
			"12 of 46 prompt tokens (26.1 %) of the full pass came from the prefix cache, which prompts of the data set explain: they " +
				"share up to 16 in whole blocks of 16"},
		{"a prompt twice", func(r *Run) { r.Manifest.Passes[0].Census.DuplicateRows = 1 }, []string{"duplicate_prompts"},
			"1 prompt of the data set repeated from before"},
		{"prompts twice", func(r *Run) { r.Manifest.Passes[0].Census.DuplicateRows = 3 }, []string{"duplicate_prompts"},
			"3 prompts of the data set repeated from before"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := provenRun()
			run.Manifest.Thresholds.MeasuredGapShare = 1
			tc.change(&run)
			s := Summarize(run)
			got := []string{}
			for _, n := range s.Notes {
				got = append(got, n.Rule)
			}
			if diff := cmp.Diff(got, append([]string{}, tc.want...)); diff != "" {
				t.Fatalf("notes (-got +want):\n%s", diff)
			}
			if len(tc.want) > 0 && !strings.Contains(s.Notes[len(got)-1].Text, tc.text) {
				t.Errorf("got %q, want %q in it", s.Notes[len(got)-1].Text, tc.text)
			}
		})
	}
}

// Derived 140 ms; measured, 173 ms from the first to the last token of any request by the client's clock.
func TestMeasuredGenerationNote(t *testing.T) {
	for _, tc := range []struct {
		share float64
		want  string
	}{
		{0.1908, ""},
		{0.1907, "the generation latency is 0.140 s derived and 0.173 s measured, 19.1 % of it apart: the derived one subtracts"},
	} {
		run := sampleRun()
		run.Manifest.Thresholds.MeasuredGapShare = tc.share
		got := ""
		for _, n := range Summarize(run).Notes {
			if n.Rule == "measured_generation" {
				got = n.Text
			}
		}
		if !strings.HasPrefix(got, tc.want) || (tc.want == "") != (got == "") {
			t.Errorf("share %v: got %q, want %q", tc.share, got, tc.want)
		}
	}
	run := sampleRun()
	run.Manifest.Thresholds.MeasuredGapShare = 0
	*run.Summarization[3].DoneNS = 300e6 // no derived one
	if s := Summarize(run); s.GenerationLatency != nil || len(s.Notes) == 0 || s.Notes[1].Rule == "measured_generation" {
		t.Errorf("nothing to compare with: got notes %v", s.Notes)
	}
}

func TestPassProof(t *testing.T) {
	run := provenRun()
	cacheHits(&run, 12, 16)
	recount(&run, PassFull, func(c *Counters) {
		c.Running, c.Waiting = &Samples{3.5, 4}, &Samples{math.NaN(), 7}
		c.Cache.Tokens = 1599
	})
	run.Manifest.Passes[1].Census, run.Counters = nil, map[string]Counters{PassFull: run.Counters[PassFull]}
	got := Summarize(run).Proof
	want := Proof{Full: &PassProof{
		FinishedRequests: ptr(4), Finished: map[string]int{"length": 4, "stop": 0}, PromptTokens: ptr(46), GenerationTokens: ptr(32),
		PrefixQueries: ptr(46), PrefixHits: ptr(12), CachedTokens: ptr(12), MaxCachedTokens: ptr(16), DuplicateRows: ptr(0),
		BlockSize: ptr(16), PrefixCaching: ptr(true), Preemptions: ptr(0), KVCacheTokens: ptr(1599), RunningMean: ptr(3.5), RunningMax: ptr(4.0),
	}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("proof (-got +want):\n%s", diff)
	}
}

func TestMeanRunningBatch(t *testing.T) {
	for _, tc := range []struct {
		name               string
		tokens, iterations *int
		want               *float64
	}{
		{"tokens per step", ptr(1024), ptr(257), ptr(1024.0 / 257)},
		{"no steps", ptr(1024), ptr(0), nil},
		{"no count of steps", ptr(1024), nil, nil},
		{"no count of tokens", nil, ptr(257), nil},
	} {
		c := &Counters{GenerationTokens: tc.tokens, Iterations: tc.iterations}
		if diff := cmp.Diff(c.meanRunning(), tc.want, near); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tc.name, diff)
		}
	}
}

// A run of a program that did not know a threshold had its default.
func TestThresholdsOfAnOlderManifest(t *testing.T) {
	m, err := decodeManifest(ManifestFile, []byte(`{"schema": 1, "thresholds": {"max_failed": 3, "schedule_lag_ms": 7}}`))
	want := DefaultThresholds()
	want.MaxFailed, want.ScheduleLag = 3, 7
	if diff := cmp.Diff(m.Thresholds, want); diff != "" || err != nil {
		t.Errorf("error %v, thresholds (-got +want):\n%s", err, diff)
	}
}
