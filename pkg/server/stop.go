package server

import (
	"context"
	"errors"
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
	// Command is how long the stop command ran, which is a part of Leader unless the leader had ended before. CommandErr is
	// what went wrong with it, nil if there is none.
	Command    time.Duration
	CommandErr error
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
		names[i] = p.describe()
	}
	return fmt.Sprintf("stopping the server: still there %v after SIGKILL: %s", e.Waited, strings.Join(names, ", "))
}

func (e *StopError) Unwrap() error { return e.Err }

// Stop ends the server and returns when every process of it is gone and its port is free. After the stop command, if there is
// one, a server that is ready gets SIGTERM, on its leader only, and StopTimeout to end; one that is not, or that has lost a
// member, gets StartGrace. Then, or when ctx ends, everything is killed. What outlives the leader by more than SweepGrace is
// killed in any case, but a server whose wrapper did not pass on the signal gets it, and up to 10 s. Calls after the first,
// also when the leader has ended by itself, wait for the same end and return the same.
//
// A deadline of ctx, or Options.Grace, is kept: what comes last, killing and sweeping, begins early enough, and at the
// deadline Stop returns. When ctx ends otherwise, it still waits until what was killed is gone. The error is a *StopError.
func (p *Process) Stop(ctx context.Context) (Stopped, error) {
	b := p.budget(ctx)
	defer context.AfterFunc(ctx, p.killTree)()
	if !b.kill.IsZero() {
		defer time.AfterFunc(time.Until(b.kill), p.killTree).Stop()
	}
	p.note()
	p.runStopCommand(b.bound(p.opts.StopTimeout, 2))
	timeout := time.NewTimer(time.Until(p.ask()))
	defer timeout.Stop()
	select {
	case <-p.exited:
	case <-p.kill:
	case <-timeout.C:
		p.killTree()
	}
	return p.awaitGone(b.end)
}

// Kill ends the server at once, without asking it, and returns as Stop does.
func (p *Process) Kill() (Stopped, error) {
	p.mu.Lock()
	p.noteAsked(0)
	p.mu.Unlock()
	p.killTree()
	p.runStopCommand(hurriedStopCommand)
	return p.awaitGone(time.Time{})
}

// budget is the time that a stop may take.
type budget struct {
	// kill is when everything is to be killed, end when the stop is to return; zero for no bound.
	kill, end time.Time
}

// killShare bounds what is kept of a budget for killing and sweeping.
const killShare = 2 * time.Second

// budget returns the time until the deadline of ctx or until Options.Grace is over.
func (p *Process) budget(ctx context.Context) budget {
	now := time.Now()
	end, bounded := ctx.Deadline()
	if grace := now.Add(p.opts.Grace); p.opts.Grace > 0 && (!bounded || grace.Before(end)) {
		end, bounded = grace, true
	}
	if !bounded {
		return budget{}
	}
	return budget{kill: end.Add(-min(killShare, end.Sub(now)/4)), end: end}
}

// bound returns d, but no more than one part of so many of what is left until everything is to be killed.
func (b budget) bound(d time.Duration, parts int) time.Duration {
	if b.kill.IsZero() {
		return d
	}
	return max(0, min(d, time.Until(b.kill)/time.Duration(parts)))
}

// note records that the server is asked to end, before the stop command makes it.
func (p *Process) note() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noteAsked(p.graceNow())
}

// runStopCommand runs the stop command, once; later callers wait for its end.
func (p *Process) runStopCommand(limit time.Duration) {
	p.mu.Lock()
	first := !p.commanding
	p.commanding = true
	p.mu.Unlock()
	if !first || len(p.opts.StopCommand) == 0 {
		<-p.commanded
		return
	}
	defer close(p.commanded)
	began := time.Now()
	err := runStopCommand(stopCommand{Argv: p.opts.StopCommand, Env: p.opts.Env, Dir: p.opts.Dir, LogPath: p.opts.LogPath}, limit, p.kill)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped.Command, p.stopped.CommandErr = time.Since(began), err
	if p.exit == nil && !p.asked.IsZero() {
		p.deadline = time.Now().Add(p.graceNow())
	}
}

// graceNow returns how long the leader may take to end. It is called with the lock held.
func (p *Process) graceNow() time.Duration {
	if !p.ready || p.loss != nil {
		return min(p.opts.StopTimeout, p.opts.StartGrace)
	}
	return p.opts.StopTimeout
}

func (p *Process) grace() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.graceNow()
}

// ask sends SIGTERM to the leader, once, and returns when its grace ends.
func (p *Process) ask() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked.IsZero() {
		return time.Now().Add(p.graceNow())
	}
	if !p.termed && p.exit == nil && !p.leaderEnded() {
		p.termed = true
		// The only error is that it has ended.
		_ = p.leader.Signal(syscall.SIGTERM)
	}
	return p.deadline
}

// noteAsked records that the server was asked to end and tells whether this is news: it is not when it was asked before, or
// when it has ended by itself, be it that nobody has noticed yet. It is called with the lock held.
func (p *Process) noteAsked(grace time.Duration) bool {
	if !p.asked.IsZero() || p.exit != nil || p.leaderEnded() {
		return false
	}
	p.asked = time.Now()
	p.deadline = p.asked.Add(grace)
	return true
}

// killTree kills everything, once, and ends all grace, that of a stop command included.
func (p *Process) killTree() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killing {
		return
	}
	p.killing = true
	if !p.over {
		p.stopped.Escalated = p.exit == nil && !p.leaderEnded()
		// An error is found again, and reported, by the sweep.
		p.stopped.Killed, _ = p.tree.killAll()
	}
	close(p.kill)
}

// awaitGone waits until nothing is left and the port is free, but not for ever, nor longer than until end, unless that is zero.
func (p *Process) awaitGone(end time.Time) (Stopped, error) {
	began := time.Now()
	timeout := time.After(max(p.opts.SweepGrace, min(p.grace(), restGrace)) + p.opts.GoneTimeout)
	var deadline <-chan time.Time
	if !end.IsZero() {
		deadline = time.After(time.Until(end))
	}
	for gone := p.gone; ; {
		select {
		case <-gone:
			// The wait for the port has a bound of its own.
			gone, timeout = nil, nil
		case <-p.portFree:
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.stopped, p.stopErr
		case <-timeout:
			return p.survivors(time.Since(began).Round(time.Millisecond))
		case <-deadline:
			return p.survivors(time.Since(began).Round(time.Millisecond))
		}
	}
}

// errPortNotSeen says that there was no time to wait for the port.
var errPortNotSeen = errors.New("no time was left to see whether the port is free")

// survivors reports what is still there after waited.
func (p *Process) survivors(waited time.Duration) (Stopped, error) {
	procs, err := p.tree.members()
	for i := range procs {
		procs[i] = withWaitChannel(procs[i])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	stopped := p.stopped
	if p.exit != nil {
		stopped.Exit = *p.exit
	}
	if err == nil && len(procs) == 0 {
		err = errPortNotSeen
	}
	return stopped, &StopError{Survivors: procs, Waited: waited, Err: err}
}
