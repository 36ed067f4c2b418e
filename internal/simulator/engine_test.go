package simulator

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
)

// lab is an engine on virtual time.
type lab struct {
	t      *testing.T
	engine *engine
	start  time.Time
	stats  *stats
	cancel context.CancelFunc
}

// newLab starts an engine whose steps take 10 ms + 1 ms a prefilled token + 2 ms a decoding sequence. It belongs into a
// synctest bubble.
func newLab(t *testing.T, args ...string) *lab {
	o := mustParse(t, append([]string{
		"--model", "m", "--max-num-seqs", "2", "--max-num-batched-tokens", "64", "--block-size", "4", "--max-model-len", "256",
		"--sim-step", "10ms", "--sim-prefill-per-token", "1ms", "--sim-decode-per-seq", "2ms",
	}, args...)...)
	ctx, cancel := context.WithCancel(t.Context())
	l := &lab{t: t, start: time.Now(), stats: newStats(o, time.Now()), cancel: cancel}
	pace, _, _ := pacer.Timer(ctx) // the fake clock moves no kernel timer
	l.engine = newEngine(o, l.stats, pace)
	go l.engine.run(ctx)
	return l
}

// sequence makes a sequence with a prompt of n ids from a base and a number of tokens to generate.
func (l *lab) sequence(base, n, maxTokens int) *sequence {
	prompt := make([]int32, n)
	for i := range prompt {
		prompt[i] = int32(base + i)
	}
	return &sequence{
		prompt: prompt, maxTokens: maxTokens, gen: newGenerator(uint64(base), 1000, stopRules{}, nil),
		outbox: newOutbox(), arrival: time.Now(),
	}
}

// finish waits for the last event of a sequence.
func (l *lab) finish(seq *sequence) []event {
	l.t.Helper()
	var all, some []event
	for {
		<-seq.outbox.ready
		some = seq.outbox.take(some)
		all = append(all, some...)
		if n := len(all); n > 0 && all[n-1].reason != "" {
			return all
		}
	}
}

// life is the instants of a sequence in milliseconds since the start of the lab.
type life struct{ Queued, Scheduled, First, Last int64 }

func (l *lab) life(seq *sequence) life {
	ms := func(t time.Time) int64 { return t.Sub(l.start).Milliseconds() }
	s := seq.stamps
	return life{ms(s.queued), ms(s.scheduled), ms(s.firstToken), ms(s.lastToken)}
}

func TestEngineSingleSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.cancel()
		seq := l.sequence(0, 5, 3)
		l.engine.submit(seq)
		events := l.finish(seq)
		// Prefill 10 + 5 ms, then two decode steps of 10 + 2 ms.
		if diff := cmp.Diff(l.life(seq), life{0, 0, 15, 39}); diff != "" {
			t.Errorf("life in ms (-got +want):\n%s", diff)
		}
		if len(events) != 3 || events[2].reason != finishLength || events[1].reason != "" {
			t.Errorf("got events %+v, want three, the last with reason length", events)
		}
		if got := timings(seq.stamps, 3); float64(*got.MeanITL) != 12 || got.FirstToken != 15 || got.Generation != 24 || got.Queue != 0 {
			t.Errorf("got timings %+v with mean ITL %v, want 15, 24, 0 and 12", got, *got.MeanITL)
		}
	})
}

// Three sequences on two places: the third runs when the first has ended, and its prefill makes the step of the second longer.
func TestEngineQueueing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.cancel()
		first, second, third := l.sequence(0, 10, 2), l.sequence(100, 20, 4), l.sequence(200, 7, 2)
		l.engine.submit(first, second, third)
		for _, seq := range []*sequence{first, second, third} {
			l.finish(seq)
		}
		// Step 1: both prefills, 10+30 = 40. Step 2: two decodes, 14 → 54: first ends. Step 3: prefill of the third and a decode,
		// 10+7+2 = 19 → 73. Step 4: two decodes, 14 → 87: both end.
		got := []life{l.life(first), l.life(second), l.life(third)}
		want := []life{{0, 0, 40, 54}, {0, 0, 40, 87}, {0, 54, 73, 87}}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("lives in ms (-got +want):\n%s", diff)
		}
		totals := l.stats.totals()
		if totals.prompt != 37 || totals.generated != 8 || totals.running != 0 || totals.waiting != 0 {
			t.Errorf("got totals %+v, want 37 prompt tokens, 8 generated, nobody left", totals)
		}
		queue := l.stats.m.queueTime.hist
		if queue.sum != 0.054 || queue.counts[0] != 3 {
			t.Errorf("got queue time %v over %v, want 0.054 s over three in the first bucket", queue.sum, queue.counts)
		}
	})
}

// A sequence that comes in the middle of a step is queued at its end.
func TestEngineArrivalWithinStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.cancel()
		first := l.sequence(0, 10, 2)
		l.engine.submit(first)
		time.Sleep(5 * time.Millisecond) // virtual
		second := l.sequence(100, 3, 1)
		l.engine.submit(second)
		l.finish(second)
		if diff := cmp.Diff(l.life(second), life{20, 20, 35, 35}); diff != "" {
			t.Errorf("life in ms (-got +want):\n%s", diff)
		}
		if got := second.stamps.queued.Sub(second.arrival); got != 15*time.Millisecond {
			t.Errorf("got %s between arrival and queue, want 15ms", got)
		}
	})
}

// A prompt longer than the budget of a step is computed in chunks.
func TestEngineChunkedPrefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.cancel()
		seq := l.sequence(0, 150, 1)
		l.engine.submit(seq)
		l.finish(seq)
		// 64 + 64 + 22 tokens: 74 + 74 + 32 ms.
		if diff := cmp.Diff(l.life(seq), life{0, 0, 180, 180}); diff != "" {
			t.Errorf("life in ms (-got +want):\n%s", diff)
		}
	})
}

func TestEnginePrefixCache(t *testing.T) {
	run := func(t *testing.T, args ...string) (first, again, sharing life, cached [3]int, totals totals) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, args...)
			defer l.cancel()
			sequences := []*sequence{l.sequence(0, 20, 1), l.sequence(0, 20, 1), l.sequence(0, 10, 1)}
			sequences[2].prompt = append(sequences[2].prompt, 500, 501)
			var lives [3]life
			for i, seq := range sequences {
				l.start = time.Now()
				l.engine.submit(seq)
				l.finish(seq)
				lives[i], cached[i] = l.life(seq), seq.cached
			}
			first, again, sharing, totals = lives[0], lives[1], lives[2], l.stats.totals()
		})
		return
	}
	t.Run("on", func(t *testing.T) {
		first, again, sharing, cached, totals := run(t)
		// Blocks of 4. The same prompt again: of 20 tokens 16 come from the cache, as the last one must be computed. The third
		// shares 10 tokens, which is two whole blocks.
		if want := [3]int{0, 16, 8}; cached != want {
			t.Errorf("got cached tokens %v, want %v", cached, want)
		}
		if first.First != 30 || again.First != 14 || sharing.First != 14 {
			t.Errorf("got first tokens at %d, %d, %d ms, want 30, 14, 14", first.First, again.First, sharing.First)
		}
		if totals.queries != 52 || totals.hits != 24 || totals.prompt != 52 {
			t.Errorf("got queries %v, hits %v, prompt %v; want 52, 24, 52", totals.queries, totals.hits, totals.prompt)
		}
	})
	t.Run("off", func(t *testing.T) {
		_, again, _, cached, totals := run(t, "--no-enable-prefix-caching")
		if cached != [3]int{} || again.First != 30 || totals.queries != 0 || totals.hits != 0 {
			t.Errorf("got cached %v, again %v, queries %v, hits %v; want none and 30 ms", cached, again, totals.queries, totals.hits)
		}
	})
}

// With too few blocks the later sequence is preempted and computed again; both get all their tokens.
func TestEnginePreemption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, "--max-model-len", "32", "--num-gpu-blocks-override", "8", "--no-enable-prefix-caching")
		defer l.cancel()
		first, second := l.sequence(0, 12, 12), l.sequence(100, 12, 12)
		l.engine.submit(first, second)
		l.finish(first)
		l.finish(second)
		if first.preempt != 0 || second.preempt != 1 {
			t.Errorf("got preemptions %d and %d, want 0 and 1", first.preempt, second.preempt)
		}
		if len(first.output) != 12 || len(second.output) != 12 {
			t.Errorf("got %d and %d tokens, want 12 each", len(first.output), len(second.output))
		}
		if got := l.stats.totals(); got.preemptions != 1 || got.generated != 24 || got.prompt != 24 {
			t.Errorf("got totals %+v, want 1 preemption, 24 prompt and 24 generated tokens", got)
		}
		if !first.stamps.lastToken.Before(second.stamps.lastToken) {
			t.Errorf("the preempted sequence ended first")
		}
	})
}

// However scarce the cache, every sequence gets all its tokens, and no block is lost.
func TestEngineScarceCache(t *testing.T) {
	for _, caching := range []string{"--enable-prefix-caching", "--no-enable-prefix-caching"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, "--max-model-len", "64", "--num-gpu-blocks-override", "20", "--max-num-seqs", "8", caching)
			defer l.cancel()
			rng := rand.New(rand.NewPCG(3, 4))
			var sequences []*sequence
			prompt, generated := 0, 0
			for range 60 {
				n, tokens := 1+rng.IntN(30), 1+rng.IntN(30)
				sequences = append(sequences, l.sequence(100*rng.IntN(3), n, tokens))
				prompt, generated = prompt+n, generated+tokens
			}
			l.engine.submit(sequences...)
			for _, seq := range sequences {
				l.finish(seq)
				if len(seq.output) != seq.maxTokens {
					t.Errorf("got %d tokens, want %d", len(seq.output), seq.maxTokens)
				}
			}
			synctest.Wait()
			totals := l.stats.totals()
			if totals.prompt != float64(prompt) || totals.generated != float64(generated) || totals.preemptions == 0 {
				t.Errorf("%s: got totals %+v, want %d prompt tokens, %d generated, and preemptions", caching, totals, prompt, generated)
			}
			if pool := l.engine.scheduler.pool; pool.used() != 0 || pool.available() != 20 {
				t.Errorf("%s: %d blocks in use and %d available at the end, want 0 and 20", caching, pool.used(), pool.available())
			}
		})
	}
}

func TestEngineAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		defer l.cancel()
		gone, waiting, rest := l.sequence(0, 5, 100), l.sequence(50, 5, 2), l.sequence(100, 5, 100)
		l.engine.submit(gone, rest, waiting)
		<-gone.outbox.ready
		l.engine.abort(gone)
		l.finish(waiting) // could not run before
		if got := l.engine.scheduler.maxSeqs; got != 2 {
			t.Fatalf("the test needs two places, got %d", got)
		}
		if got := l.stats.m.success[finishAbort].value; got != 0 {
			t.Errorf("got %v aborted requests counted, want 0: vLLM does not count them", got)
		}
		l.cancel()
		if events := l.finish(rest); events[len(events)-1].reason != finishAbort {
			t.Errorf("got last event %+v, want reason abort", events[len(events)-1])
		}
		synctest.Wait()
		if l.engine.submit(l.sequence(0, 1, 1)) {
			t.Errorf("an engine that has ended took a sequence")
		}
	})
}

// Steps that are held up are not caught up; small delays are.
func TestEnginePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := mustParse(t, "--model", "m", "--sim-step", "10ms", "--sim-prefill-per-token", "0", "--sim-decode-per-seq", "0")
		var late time.Duration
		steps := 0
		pace := func(until time.Time) error {
			time.Sleep(time.Until(until))
			if steps++; steps == 3 {
				time.Sleep(late)
			}
			return nil
		}
		for _, tt := range []struct{ late, want time.Duration }{{0, 60}, {4, 60}, {25, 85}} {
			late, steps = tt.late*time.Millisecond, 0
			ctx, cancel := context.WithCancel(t.Context())
			l := &lab{t: t, engine: newEngine(o, newStats(o, time.Now()), pace), start: time.Now(), cancel: cancel}
			seq := l.sequence(0, 1, 6)
			go l.engine.run(ctx)
			l.engine.submit(seq)
			l.finish(seq)
			if got := time.Since(l.start); got != tt.want*time.Millisecond {
				t.Errorf("six steps, one %v ms late: got %s, want %s", tt.late, got, tt.want*time.Millisecond)
			}
			cancel()
			synctest.Wait()
		}
	})
}

func TestSchedulerPriority(t *testing.T) {
	s := scheduler{maxSeqs: 1, budget: 10, blockSize: 4, chunked: true, byPriority: true, pool: newBlockPool(100)}
	for _, priority := range []int{5, 0, -1, 0} {
		s.enqueue(&sequence{priority: priority, index: len(s.waiting), prompt: make([]int32, 3)})
	}
	var got []int
	for _, seq := range s.waiting {
		got = append(got, seq.index)
	}
	if diff := cmp.Diff(got, []int{2, 1, 3, 0}); diff != "" {
		t.Errorf("order (-got +want):\n%s", diff)
	}
}

func TestSchedulerWithoutChunks(t *testing.T) {
	s := scheduler{maxSeqs: 10, budget: 10, blockSize: 4, pool: newBlockPool(100)}
	for _, n := range []int{6, 5, 4} {
		s.enqueue(&sequence{prompt: make([]int32, n), maxTokens: 1})
	}
	b := s.schedule(time.Unix(1, 0))
	// The second prompt does not fit into the rest of the budget, and nobody overtakes it.
	if len(b.work) != 1 || b.prefillTokens != 6 {
		t.Errorf("got %d sequences with %d tokens, want 1 with 6", len(b.work), b.prefillTokens)
	}
}
