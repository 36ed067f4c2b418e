package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

// interruptible returns two contexts. The first is cancelled, with the signal as its cause, by the first SIGINT, SIGTERM or
// SIGHUP: stop in order and keep what was measured. The second is cancelled by the second signal: kill and go. stop gives
// the signals back. grace is how long this program may take to end after the first signal, 0 for as long as it takes: the
// second context is cancelled early enough for that.
func interruptible(parent context.Context, stderr io.Writer, grace time.Duration) (soft, hard context.Context,
	stop func()) {
	soft, cancelSoft := context.WithCancelCause(parent)
	hard, cancelHard := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var graceOver <-chan time.Time
		for n := 0; ; n++ {
			select {
			case <-graceOver:
				cancelHard(context.DeadlineExceeded)
			case s := <-signals:
				cause := orchestrate.SignalError{Signal: s}
				if grace > 0 {
					cause.Deadline = time.Now().Add(grace)
				}
				if n > 0 {
					cancelHard(cause)
					continue
				}
				cancelSoft(cause)
				if grace > 0 {
					graceOver = time.After(killAfter(grace))
				}
				fmt.Fprintf(stderr, "\n%s: stopping in order and keeping what was measured; once more to kill the server at once\n",
					cause.Name())
			case <-quit:
				return
			}
		}
	}()
	return soft, hard, func() {
		signal.Stop(signals)
		close(quit)
		<-done
		cancelSoft(nil)
		cancelHard(nil)
	}
}

// wrapUp is what killing a server, sweeping after it and writing the reports may take.
const wrapUp = 3 * time.Second

// killAfter is how long an ordered stop may be waited for, so that the whole end fits into grace.
func killAfter(grace time.Duration) time.Duration { return max(grace-wrapUp, grace/2) }
