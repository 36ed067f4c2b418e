package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// ErrStalled is the cause of a pass that ended because nothing came back any more (Options.StallTimeout).
var ErrStalled = errors.New("no progress")

// Options are one pass.
type Options struct {
	// Requests are sent in this order. Rows are their rows in the data set, Offsets (see Schedule) when each is to be sent,
	// not descending; all three have the same length.
	Requests []client.Request
	Rows     []int
	Offsets  []time.Duration
	// Concurrency bounds the requests in flight; 0 for no bound.
	Concurrency int
	// StallTimeout ends the pass when requests run and for so long none gets a token or ends; 0 for never.
	StallTimeout time.Duration
	// Sink gets one JSON line per request in one Write, as it ends; nil for none. It is not closed.
	Sink io.Writer
	// Progress is kept up to date; nil for nobody who watches.
	Progress *Progress
	// Send sends one request and waits for its end; client.Client.Complete.
	Send func(ctx context.Context, req *client.Request, tokens *atomic.Int64) client.Result
}

// Pass is what a pass gave.
type Pass struct {
	// Records are those of all requests that were sent, by Index.
	Records []Record
	// Start is what every offset of the records counts from; it carries a monotonic reading.
	Start time.Time
	// Elapsed is from Start until the last request ended.
	Elapsed time.Duration
}

// Run sends the requests and returns when all that were sent have ended. A request that fails is a Record, not an error.
// The error is about options that do not fit together, or it is why the pass ended early: the cause of ctx, ErrStalled, or
// that the sink could not be written. The pass then has what was measured until then: requests in flight are ended and
// recorded as cancelled, those not yet sent have no record.
func Run(ctx context.Context, o Options) (Pass, error) {
	if err := o.check(); err != nil {
		return Pass{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &pass{Options: o, sink: newSink(len(o.Requests), o.Sink, cancel), start: time.Now()}
	if p.Progress == nil {
		p.Progress = new(Progress)
	}

	var sinking, watching sync.WaitGroup
	sinking.Go(p.sink.run)
	ended := make(chan struct{})
	if o.StallTimeout > 0 {
		watching.Go(func() { p.watch(ended, cancel) })
	}
	p.dispatch(ctx)
	p.sending.Wait()
	elapsed := time.Since(p.start)
	close(ended)
	watching.Wait()
	close(p.sink.incoming)
	sinking.Wait()

	slices.SortStableFunc(p.sink.records, func(a, b Record) int { return cmp.Compare(a.Index, b.Index) })
	var err error
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return Pass{Records: p.sink.records, Start: p.start, Elapsed: elapsed}, err
}

func (o *Options) check() error {
	switch {
	case o.Send == nil:
		return errors.New("starting a pass: no function to send with")
	case len(o.Rows) != len(o.Requests) || len(o.Offsets) != len(o.Requests):
		return fmt.Errorf("starting a pass: got %d requests, %d rows and %d offsets; they must be as many", len(o.Requests), len(o.Rows), len(o.Offsets))
	case o.Concurrency < 0:
		return fmt.Errorf("starting a pass: concurrency: got %d; allowed 0 or more", o.Concurrency)
	}
	for i, at := range o.Offsets {
		if at < 0 || i > 0 && at < o.Offsets[i-1] {
			return fmt.Errorf("starting a pass: offset %d: got %v; allowed at least that of the request before", i, at)
		}
	}
	return nil
}

// pass is a Run under way.
type pass struct {
	Options
	start   time.Time
	sink    *sink
	sending sync.WaitGroup
	// slots holds, per free slot, the offset since which it has been free; nil for no bound.
	slots chan time.Duration
}

// dispatch lets the requests go, each at its offset and when it has a slot, in order. It returns when all are under way or
// ctx has ended.
func (p *pass) dispatch(ctx context.Context) {
	if p.Concurrency > 0 {
		p.slots = make(chan time.Duration, p.Concurrency)
		for range p.Concurrency {
			p.slots <- 0
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range p.Requests {
		j := job{req: &p.Requests[i], row: p.Rows[i], scheduled: p.Offsets[i], due: p.Offsets[i]}
		if !p.wait(ctx, timer, j.scheduled) || !p.take(ctx, &j) {
			return
		}
		p.Progress.Sent.Add(1)
		p.Progress.Running.Add(1)
		p.sending.Go(func() { p.send(ctx, j) })
	}
}

// wait waits for an offset. It reports whether the pass goes on.
func (p *pass) wait(ctx context.Context, timer *time.Timer, at time.Duration) bool {
	if left := at - time.Since(p.start); left > 0 {
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// take waits for a slot. A request is due when its slot became free, not when this goroutine noticed: what lies between is
// this program's own lateness. It reports whether the pass goes on.
func (p *pass) take(ctx context.Context, j *job) bool {
	if p.slots == nil {
		return true
	}
	select {
	case free := <-p.slots:
		j.due = max(j.due, free)
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// send sends one request and hands its record over.
func (p *pass) send(ctx context.Context, j job) {
	r := p.Send(ctx, j.req, &p.Progress.Tokens)
	if p.slots != nil {
		p.slots <- freed(p.start, r)
	}
	if r.ErrorClass != "" {
		p.Progress.Failed.Add(1)
	}
	p.Progress.Running.Add(-1)
	p.Progress.Done.Add(1)
	p.sink.incoming <- j.record(p.start, r)
}

// freed is when a request's slot was free for the next one: when its response had come, not when this program noticed, so that
// what lies between counts as lateness of the next request. A response that came before the start is an odd stamp.
func freed(start time.Time, r client.Result) time.Duration {
	if r.Done.IsZero() {
		return time.Since(start)
	}
	return max(r.Done.Sub(start), 0)
}
