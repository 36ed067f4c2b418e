// Package pacer waits for instants, more exactly than the timers of the runtime do. New gives the best way that the system has;
// the simulator's engine steps by it, and the dispatcher of pkg/bench sends by it.
package pacer

import (
	"context"
	"time"
)

// Wait sleeps until an instant; one that has passed is not waited for. It returns early, with an error, when its context ends or
// its timer fails. It is for one goroutine at a time.
type Wait func(until time.Time) error

// Timer waits by the timers of the runtime, which wake up to a millisecond late. The function it returns beside is there so
// that it can stand for New, and does nothing; so does the error, which is nil.
func Timer(ctx context.Context) (Wait, func(), error) {
	return func(until time.Time) error {
		wait := time.Until(until)
		if wait <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return ctx.Err()
	}, func() {}, nil
}
