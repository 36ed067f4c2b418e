package server

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Stopped says how a stop went.
type Stopped struct {
	// Exit is how the leader ended.
	Exit Exit
	// Leader is the time from the request to stop until the leader had ended, 0 if it had ended before; Tree from then until
	// the last process was gone; Port from then until the port was free.
	Leader, Tree, Port time.Duration
	// Escalated is true when the leader had to be killed.
	Escalated bool
	// Killed are the processes that had to be killed, those that outlived the leader included, by pid.
	Killed []Proc
}

// Total is the time from the request to stop, or from the end of a leader that ended by itself, until nothing was left.
func (s Stopped) Total() time.Duration { return s.Leader + s.Tree + s.Port }

// StopError says that something was still there when a stop gave up waiting.
type StopError struct {
	// Survivors are the processes that did not go, although they were killed.
	Survivors []Proc
	// Waited is how long they were waited for.
	Waited time.Duration
	// Err is why the port is not free, or why the survivors are not known; nil otherwise.
	Err error
}

func (e *StopError) Error() string {
	if len(e.Survivors) == 0 && e.Err != nil {
		return fmt.Sprintf("stopping the server: %v (waited %v)", e.Err, e.Waited)
	}
	names := make([]string, len(e.Survivors))
	for i, p := range e.Survivors {
		names[i] = p.String()
		if p.State != 0 {
			names[i] += fmt.Sprintf(" in state %c", p.State)
		}
	}
	return fmt.Sprintf("stopping the server: still there %v after SIGKILL: %s", e.Waited, strings.Join(names, ", "))
}

func (e *StopError) Unwrap() error { return e.Err }

// Stop ends the server and returns when every process of its group and session is gone and its port is free. A server that is
// ready gets SIGTERM, on its leader only, and StopTimeout to end; one that is not gets StartGrace. Then, or when ctx ends,
// everything is killed. What outlives the leader by more than SweepGrace is killed in any case. Calls after the first, also
// when the leader has ended by itself, wait for the same end and return the same. The error is a *StopError.
func (p *Process) Stop(ctx context.Context) (Stopped, error) {
	timeout := time.NewTimer(time.Until(p.ask()))
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-timeout.C:
		p.killTree()
	case <-ctx.Done():
		p.killTree()
	}
	return p.awaitGone(ctx)
}

// Kill ends the server at once, without asking it, and returns as Stop does.
func (p *Process) Kill() (Stopped, error) {
	p.mu.Lock()
	p.noteAsked(0)
	p.mu.Unlock()
	p.killTree()
	return p.awaitGone(context.Background())
}

// ask sends SIGTERM to the leader, once, and returns when its grace ends.
func (p *Process) ask() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	grace := p.opts.StopTimeout
	if !p.ready {
		grace = min(grace, p.opts.StartGrace)
	}
	if p.noteAsked(grace) {
		// The only error is that it has ended.
		_ = p.leader.Signal(syscall.SIGTERM)
	}
	if p.asked.IsZero() {
		return time.Now().Add(grace)
	}
	return p.deadline
}

// noteAsked records that the server was asked to end and tells whether this is news: it is not when it was asked before, or
// when it has ended by itself, be it that nobody has noticed yet. It is called with the lock held.
func (p *Process) noteAsked(grace time.Duration) bool {
	if !p.asked.IsZero() || p.exit != nil || leaderEnded(p.leader) {
		return false
	}
	p.asked = time.Now()
	p.deadline = p.asked.Add(grace)
	return true
}

// killTree kills everything, once, and ends all grace.
func (p *Process) killTree() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killing || p.over {
		return
	}
	p.killing = true
	p.stopped.Escalated = p.exit == nil && !leaderEnded(p.leader)
	// An error is found again, and reported, by the sweep.
	p.stopped.Killed, _ = p.tree.killAll()
	close(p.kill)
}

// awaitGone waits until nothing is left, but not for ever.
func (p *Process) awaitGone(ctx context.Context) (Stopped, error) {
	limit := p.opts.SweepGrace + p.opts.GoneTimeout
	timeout := time.After(limit)
	hurry := ctx.Done()
	for {
		select {
		case <-p.gone:
			<-p.portFree
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.stopped, p.stopErr
		case <-hurry:
			p.killTree()
			hurry = nil
		case <-timeout:
			return p.survivors(limit)
		}
	}
}

// survivors reports what is still there after waited.
func (p *Process) survivors(waited time.Duration) (Stopped, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stopped := p.stopped
	if p.exit != nil {
		stopped.Exit = *p.exit
	}
	procs, err := p.tree.members()
	return stopped, &StopError{Survivors: procs, Waited: waited, Err: err}
}
