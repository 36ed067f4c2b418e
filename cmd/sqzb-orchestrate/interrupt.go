package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

// interruptible returns two contexts. The first is cancelled, with the signal as its cause, by the first SIGINT, SIGTERM or
// SIGHUP: stop in order and keep what was measured. The second is cancelled by the second signal: kill and go. stop gives
// the signals back.
func interruptible(parent context.Context, stderr io.Writer) (soft, hard context.Context, stop func()) {
	soft, cancelSoft := context.WithCancelCause(parent)
	hard, cancelHard := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case s := <-signals:
				cause := orchestrate.SignalError{Signal: s}
				if n > 0 {
					cancelHard(cause)
					continue
				}
				cancelSoft(cause)
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
