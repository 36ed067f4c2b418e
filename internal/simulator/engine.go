package simulator

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
)

// stepCost is how long a step takes: a base, plus what each prefilled token and each decoding sequence adds.
type stepCost struct {
	base, perPrefillToken, perDecode time.Duration
}

func (c stepCost) of(b batch) time.Duration {
	return c.base + time.Duration(b.prefillTokens)*c.perPrefillToken + time.Duration(b.decodes)*c.perDecode
}

// engine runs sequences in continuous batches. One goroutine (run) owns the scheduler; everybody else talks to it through the
// inbox. A step ends at an absolute instant, the end of the step before plus its cost, so that late wake-ups do not add up.
type engine struct {
	scheduler scheduler
	cost      stepCost
	pace      pacer.Wait
	stats     *stats
	traces    *tracer

	wake chan struct{} // room for one signal

	mu      sync.Mutex
	arrived []*sequence
	gone    []*sequence
	closed  bool
}

func newEngine(o *options, st *stats, pace pacer.Wait) *engine {
	return &engine{
		scheduler: scheduler{
			maxSeqs: o.maxSeqs, budget: o.maxBatchedTokens, blockSize: o.blockSize, chunked: o.chunkedPrefill,
			prefixCache: o.prefixCaching, byPriority: o.priorities, pool: newBlockPool(o.kvBlocks),
		},
		cost:  stepCost{o.step, o.prefillPerToken, o.decodePerSeq},
		pace:  pace,
		stats: st,
		wake:  make(chan struct{}, 1),
	}
}

// submit queues sequences in order; false when the engine has ended.
func (e *engine) submit(sequences ...*sequence) bool {
	e.mu.Lock()
	closed := e.closed
	if !closed {
		e.arrived = append(e.arrived, sequences...)
	}
	e.mu.Unlock()
	e.signal()
	return !closed
}

// abort gives up sequences whose client has gone; their outbox gets nothing more after the current step.
func (e *engine) abort(sequences ...*sequence) {
	e.mu.Lock()
	e.gone = append(e.gone, sequences...)
	e.mu.Unlock()
	e.signal()
}

func (e *engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run computes until the context ends (or the pacer fails); then every sequence ends with finish reason abort.
func (e *engine) run(ctx context.Context) {
	var due time.Time // end of the last step; zero after a pause
	var err error
	for ctx.Err() == nil && err == nil {
		e.receive()
		if e.scheduler.idle() {
			due = time.Time{}
			e.stats.setLoad(0, 0, 0)
			select {
			case <-e.wake:
			case <-ctx.Done():
			}
			continue
		}
		due, err = e.step(due)
	}
	e.close()
}

// receive takes over what has come in since the last step. As in vLLM, a sequence is queued when the engine sees it, between
// two steps.
func (e *engine) receive() {
	e.mu.Lock()
	arrived, gone := e.arrived, e.gone
	e.arrived, e.gone = nil, nil
	e.mu.Unlock()
	now := time.Now()
	for _, seq := range arrived {
		seq.stamps.queued = now
		e.scheduler.enqueue(seq)
	}
	for _, seq := range gone {
		if !seq.over {
			seq.over = true
			e.scheduler.remove(seq)
		}
	}
}

// step schedules, waits for as long as the step takes, and hands out its tokens. It returns when the step was due to end, and the
// pacer's error.
func (e *engine) step(due time.Time) (time.Time, error) {
	now := time.Now()
	b := e.scheduler.schedule(now)
	cost := e.cost.of(b)
	// A step that starts late by more than its own length has been held up by something: the time is lost, not caught up.
	if due.IsZero() || now.Sub(due) > cost {
		due = now
	}
	due = due.Add(cost)
	e.stats.setLoad(len(e.scheduler.running), len(e.scheduler.waiting), e.cacheUse())
	if err := e.pace(due); err != nil {
		return due, err
	}
	e.deliver(b, time.Now())
	return due, nil
}

func (e *engine) cacheUse() float64 {
	return float64(e.scheduler.pool.used()) / float64(e.scheduler.pool.size)
}

// deliver ends a step: sequences whose prompt is complete get a token. The counters are updated before anybody sees a token,
// so that they never lag behind what a client knows.
func (e *engine) deliver(b batch, now time.Time) {
	s := &e.scheduler
	iteration := iteration{batch: b}
	events := make([]event, 0, len(b.work))
	for _, w := range b.work {
		seq := w.seq
		seq.done += w.tokens
		if seq.done < seq.total() {
			continue
		}
		previous := seq.stamps.lastToken
		seq.advance(now)
		iteration.token(seq, previous, now)
		events = append(events, event{seq, seq.output[len(seq.output)-1], seq.reason, now})
		if seq.reason != "" {
			seq.over = true
			s.pool.release(seq.blocks)
			seq.blocks = nil
		}
	}
	s.running = slices.DeleteFunc(s.running, func(seq *sequence) bool { return seq.over })
	iteration.running, iteration.waiting, iteration.cacheUse = len(s.running), len(s.waiting), e.cacheUse()
	e.stats.record(iteration)
	e.traces.finish(iteration.finished, now)
	for _, ev := range events {
		ev.seq.outbox.put(ev)
	}
}

// close ends every sequence that is still there.
func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.receive()
	now := time.Now()
	for _, seq := range slices.Concat(e.scheduler.running, e.scheduler.waiting) {
		seq.over, seq.reason = true, finishAbort
		e.stats.finish(seq, now)
		seq.outbox.put(event{seq, -1, finishAbort, now})
	}
}
