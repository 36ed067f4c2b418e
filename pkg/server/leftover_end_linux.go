package server

import (
	"context"
	"syscall"
	"time"
)

// guardianPatience is how long a guardian that is still there is given to end its server by itself. It needs 7 s at most.
const guardianPatience = 10 * time.Second

// End ends what is left of the launch: it waits for a guardian that is at it, kills what is provably of the launch, waits until
// it is gone, and removes the state file. When ctx ends, or 30 s after all was killed, it gives up with a *StopError that names
// what does not go, and leaves the file. A process whose number has come to mean somebody else is not touched. It returns Err
// if that is set.
func (l Leftover) End(ctx context.Context) (Ended, error) {
	if l.Err != nil {
		return Ended{}, l.Err
	}
	began := time.Now()
	var ended Ended
	if !l.rebooted {
		v, err := newView()
		if err != nil {
			return Ended{}, err
		}
		e := ending{tree: v.tree(l.state), guardian: l.state.Guardian, swept: sweptProcs{}}
		e.awaitGuardian(ctx)
		err = e.sweep(ctx)
		ended.Killed = e.swept.sorted()
		if err != nil {
			ended.Took = time.Since(began)
			return ended, err
		}
	}
	removeState(l.File)
	ended.Took = time.Since(began)
	return ended, nil
}

// ending is the end of one leftover.
type ending struct {
	tree     tree
	guardian identity
	swept    sweptProcs
}

// theGuardian returns the guardian while it is alive.
func (e *ending) theGuardian() (Proc, bool) {
	p, err := readProc(e.guardian.PID)
	return p, err == nil && p.id() == e.guardian && p.alive()
}

// awaitGuardian waits for a guardian that can work.
func (e *ending) awaitGuardian(ctx context.Context) {
	patience := time.Now().Add(guardianPatience)
	for delay := firstSweep; time.Now().Before(patience); delay = min(2*delay, lastSweep) {
		if p, alive := e.theGuardian(); !alive || p.State == 'T' || p.State == 't' {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// sweep kills what is left until nothing is. The guardian comes last: as long as it is there, orphans are its children.
func (e *ending) sweep(ctx context.Context) error {
	began := time.Now()
	timeout := time.After(DefaultGoneTimeout)
	for delay, empty := firstSweep, 0; empty < emptyLooks; delay = min(2*delay, lastSweep) {
		left, err := e.killAll()
		if err != nil {
			return &StopError{Err: err}
		}
		e.swept.add(left)
		empty++
		if len(left) > 0 {
			empty = 0
		}
		gaveUp := false
		select {
		case <-ctx.Done():
			gaveUp = len(left) > 0
		case <-timeout:
			gaveUp = true
		case <-time.After(delay):
		}
		if gaveUp {
			return e.survivors(time.Since(began))
		}
	}
	return nil
}

// killAll kills everything that is there, or the guardian if nothing else is, and returns what was.
func (e *ending) killAll() ([]Proc, error) {
	left, err := e.tree.killAll()
	if err != nil || len(left) > 0 {
		return left, err
	}
	p, alive := e.theGuardian()
	if !alive {
		return nil, nil
	}
	p.Command = commandLine(p.PID, p.Command)
	_ = e.tree.signal(p, syscall.SIGKILL)
	return []Proc{p}, nil
}

// survivors names what was killed and is still there; nil if nothing is.
func (e *ending) survivors(waited time.Duration) error {
	procs, err := e.tree.members()
	if p, alive := e.theGuardian(); alive {
		procs = append(procs, p)
	}
	if err == nil && len(procs) == 0 {
		return nil
	}
	for i := range procs {
		procs[i] = withWaitChannel(procs[i])
	}
	return &StopError{Survivors: procs, Waited: waited.Round(time.Millisecond), Err: err}
}
