package simulator

import (
	"context"
	"time"
)

// newTimerPacer sleeps on the runtime's timers, which wake up to a millisecond late.
func newTimerPacer(ctx context.Context) pacer {
	return func(until time.Time) error {
		wait := time.Until(until)
		if wait <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
