package simulator

import (
	"slices"
	"time"
)

// scheduler decides what each step of the engine computes: a pure state machine without clock or goroutine. It follows vLLM's
// V1 scheduler: running sequences first, in order; then waiting ones while there is room among the running, in the token budget
// of the step and in the KV cache; prompts longer than the rest of the budget are computed in chunks. When a running sequence
// finds no free block the last running one is preempted: it goes back to the head of the queue and is computed again.
type scheduler struct {
	maxSeqs     int
	budget      int // tokens a step
	blockSize   int
	chunked     bool
	prefixCache bool
	byPriority  bool

	pool    *blockPool
	waiting []*sequence
	running []*sequence
}

// work is the share of a sequence in a step.
type work struct {
	seq    *sequence
	tokens int
}

// batch is what one step computes.
type batch struct {
	work          []work
	prefillTokens int
	decodes       int
	// queries and hits are prompt tokens looked up and found in the prefix cache by sequences that were admitted; externalHits are
	// those that it did not have but an earlier launch had kept.
	queries, hits, externalHits int
	preemptions                 int
}

// enqueue adds a new sequence to the queue.
func (s *scheduler) enqueue(seq *sequence) {
	i := len(s.waiting)
	if s.byPriority {
		for i > 0 && s.waiting[i-1].priority > seq.priority {
			i--
		}
	}
	s.waiting = slices.Insert(s.waiting, i, seq)
}

// remove takes a sequence out, wherever it is, and frees its blocks.
func (s *scheduler) remove(seq *sequence) {
	same := func(other *sequence) bool { return other == seq }
	s.waiting = slices.DeleteFunc(s.waiting, same)
	s.running = slices.DeleteFunc(s.running, same)
	s.pool.release(seq.blocks)
	seq.blocks = nil
}

func (s *scheduler) idle() bool { return len(s.waiting)+len(s.running) == 0 }

// schedule chooses the next step; now stamps the sequences that run for the first time.
func (s *scheduler) schedule(now time.Time) batch {
	var b batch
	budget := s.budget
	for i := 0; i < len(s.running) && budget > 0; i++ {
		seq := s.running[i]
		n := min(seq.total()-seq.done, budget)
		if !s.fit(seq, n, &b) {
			break
		}
		b.add(seq, n)
		budget -= n
	}
	if b.preemptions > 0 {
		return b
	}
	for len(s.waiting) > 0 && len(s.running) < s.maxSeqs && budget > 0 {
		n := s.admit(s.waiting[0], budget, now, &b)
		if n == 0 {
			break
		}
		b.add(s.waiting[0], n)
		budget -= n
		s.running = append(s.running, s.waiting[0])
		s.waiting = s.waiting[1:]
	}
	return b
}

func (b *batch) add(seq *sequence, n int) {
	b.work = append(b.work, work{seq, n})
	if seq.prefilling() || n > 1 {
		b.prefillTokens += n
		return
	}
	b.decodes++
}

// fit makes room for n more tokens of a running sequence, preempting from the end of the running ones; false when the
// sequence itself had to go.
func (s *scheduler) fit(seq *sequence, n int, b *batch) bool {
	for !s.grow(seq, n) {
		victim := s.running[len(s.running)-1]
		s.running = s.running[:len(s.running)-1]
		s.pool.release(victim.blocks)
		victim.blocks, victim.done, victim.published = nil, 0, 0
		victim.preempt++
		b.preemptions++
		s.waiting = slices.Insert(s.waiting, 0, victim)
		if victim == seq {
			return false
		}
	}
	return true
}

// grow gives a sequence the blocks for n more tokens; false, and no change, when there are not enough.
func (s *scheduler) grow(seq *sequence, n int) bool {
	need := (seq.done+n+s.blockSize-1)/s.blockSize - len(seq.blocks)
	if need > s.pool.available() {
		return false
	}
	if need > 0 {
		seq.blocks = append(seq.blocks, s.pool.allocate(need)...)
	}
	s.publish(seq, seq.done+n)
	return true
}

// publish makes the full blocks among the first n tokens findable, in the step that computes them.
func (s *scheduler) publish(seq *sequence, n int) {
	if !s.prefixCache {
		return
	}
	full := n / s.blockSize
	hashes := seq.hashUpTo(full, s.blockSize)
	for ; seq.published < full; seq.published++ {
		s.pool.publish(seq.blocks[seq.published], hashes[seq.published])
	}
}

// admit takes a waiting sequence in and returns how many tokens it computes in this step, 0 when it has to wait.
func (s *scheduler) admit(seq *sequence, budget int, now time.Time, b *batch) int {
	hits := s.cachedPrefix(seq)
	rest := seq.total() - len(hits)*s.blockSize
	if !s.chunked && rest > budget {
		return 0
	}
	n := min(rest, budget)
	need := (len(hits)*s.blockSize+n+s.blockSize-1)/s.blockSize - len(hits)
	if need+idle(hits) > s.pool.available() {
		return 0
	}
	s.pool.hold(hits)
	seq.blocks, seq.done, seq.published = hits, len(hits)*s.blockSize, len(hits)
	s.grow(seq, n)
	external := claimExternal(hits) * s.blockSize
	if seq.stamps.scheduled.IsZero() {
		seq.stamps.scheduled = now
		seq.cached, seq.external = len(hits)*s.blockSize, external
		if s.prefixCache {
			b.queries += len(seq.prompt)
			b.hits += seq.cached - external
			b.externalHits += external
		}
	}
	return n
}

// cachedPrefix finds the blocks that the sequence need not compute; at least one token is left to compute.
func (s *scheduler) cachedPrefix(seq *sequence) []*block {
	if !s.prefixCache {
		return nil
	}
	return s.pool.lookup(seq.hashUpTo((seq.total()-1)/s.blockSize, s.blockSize))
}
