package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The time between two probes, doubled from the first to the last.
const (
	firstProbe = 50 * time.Millisecond
	lastProbe  = 500 * time.Millisecond
)

// errorLines is how many lines of the log an error carries.
const errorLines = 20

// StartError says that a server did not become ready.
type StartError struct {
	// Exit is how the process ended; nil when it is still running and the time was up.
	Exit *Exit
	// Timeout is the time that was up; 0 if Exit is set.
	Timeout time.Duration
	// Phase is how far the server had come.
	Phase Phase
	// Probe is what the last probe said, nil if there was none. It is not wrapped: a probe that was cut short says "context
	// canceled", which must not pass for an interrupted run.
	Probe error
	// LogPath is the server's log, Tail its last lines, oldest first.
	LogPath string
	Tail    []string
}

// Summary says in one line what happened, without the log.
func (e *StartError) Summary() string {
	if e.Exit != nil {
		return fmt.Sprintf("the server ended before it was ready, while %v: %v", e.Phase, e.Exit)
	}
	text := fmt.Sprintf("the server was not ready within %v, still %v", e.Timeout, e.Phase)
	if e.Probe != nil {
		text += fmt.Sprintf("; last probe: %v", e.Probe)
	}
	return text
}

// Error is the summary and, on lines of their own, the last lines of the log.
func (e *StartError) Error() string { return e.Summary() + logLines(e.LogPath, e.Tail) }

// ExitError says that a server, or a part of it without which it is none, ended although nobody had asked it to.
type ExitError struct {
	// Exit is how it ended. That of a member may not be known: Status is −1 then, and Signal empty.
	Exit Exit
	// Member is the process that ended; nil for the leader.
	Member *Member
	// LogPath is the server's log, Tail its last lines, oldest first.
	LogPath string
	Tail    []string
}

// Summary says in one line what happened, without the log.
func (e *ExitError) Summary() string {
	if e.Member != nil {
		return fmt.Sprintf("%v of the server ended unasked: %v", e.Member, e.Exit)
	}
	return fmt.Sprintf("the server ended unasked: %v", e.Exit)
}

// Error is the summary and, on lines of their own, the last lines of the log.
func (e *ExitError) Error() string { return e.Summary() + logLines(e.LogPath, e.Tail) }

func logLines(path string, tail []string) string {
	if len(tail) == 0 {
		return fmt.Sprintf("\nnothing was logged to %s", path)
	}
	return fmt.Sprintf("\nlast lines of %s:\n  %s", path, strings.Join(tail, "\n  "))
}

// AwaitReady calls probe, at first every 50 ms and then ever more slowly up to every 500 ms, until it returns nil; from then
// on the server counts as ready. It ends at once with a *StartError when the process ends, and with one when timeout (0: no
// bound) is over; it returns the cause when ctx ends, which comes before either. It does not stop the server. The context
// that probe gets ends with any of these; a probe bounds a single attempt itself.
func (p *Process) AwaitReady(ctx context.Context, timeout time.Duration, probe func(context.Context) error) error {
	bounded := ctx
	if timeout > 0 {
		var expire context.CancelFunc
		bounded, expire = context.WithTimeout(ctx, timeout)
		defer expire()
	}
	probing, cancel := context.WithCancel(bounded)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-p.exited:
			cancel()
		case <-probing.Done():
		}
	})
	defer watching.Wait()
	defer cancel()

	var last error
	for delay := firstProbe; ; delay = min(2*delay, lastProbe) {
		err := probe(probing)
		if err == nil && p.Exit() == nil {
			p.SetReady()
			return nil
		}
		// Reading along keeps the phase, should a later flood of the log hide how it was reached.
		p.Phase()
		if probing.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-probing.Done():
			return p.notReady(ctx, timeout, last)
		case <-p.exited:
			return p.notReady(ctx, timeout, last)
		case <-time.After(delay):
		}
	}
}

// notReady tells why the wait for the server ended.
func (p *Process) notReady(ctx context.Context, timeout time.Duration, probe error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &StartError{Exit: p.Exit(), Phase: p.Phase(), Probe: probe, LogPath: p.opts.LogPath, Tail: p.Tail(errorLines)}
	if e.Exit == nil {
		e.Timeout = timeout
	}
	return e
}
