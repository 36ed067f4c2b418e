package bench

import (
	"context"
	"fmt"
	"time"
)

// watch ends the pass when requests run and nothing happens for StallTimeout. It looks a few times within it, so that a
// stall is noticed at most a quarter late.
func (p *pass) watch(ended <-chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(max(p.StallTimeout/4, time.Millisecond))
	defer tick.Stop()
	last, since := p.Progress.mark(), time.Now()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		running := p.Progress.Running.Load()
		if now := p.Progress.mark(); now != last || running == 0 {
			last, since = now, time.Now()
			continue
		}
		if time.Since(since) >= p.StallTimeout {
			cancel(fmt.Errorf("%w: none of %d running requests got a token for %v", ErrStalled, running, p.StallTimeout))
			return
		}
	}
}
