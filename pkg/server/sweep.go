package server

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"syscall"
	"time"
)

// The time between two looks at what is left, doubled from the first to the last.
const (
	firstSweep = 2 * time.Millisecond
	lastSweep  = 50 * time.Millisecond
)

// emptyLooks is how many looks in a row must find nothing: one alone can miss a process whose parent started it behind the
// position of the look and ended in front of it.
const emptyLooks = 2

// tree is the server's processes.
type tree struct {
	// leader is the number of the leading process, its group and its session.
	leader int
	// line tells which processes are of the tree; nil where the system does not let us tell.
	line *lineage
}

// sweptProcs are the processes that were killed, by identity.
type sweptProcs map[identity]Proc

// add adds processes. The first look at one counts: a later one may find it dying, without its command line.
func (s sweptProcs) add(procs []Proc) {
	for _, p := range procs {
		if _, known := s[p.id()]; !known {
			s[p.id()] = p
		}
	}
}

func (s sweptProcs) sorted() []Proc {
	return slices.SortedFunc(maps.Values(s), func(a, b Proc) int { return cmp.Compare(a.PID, b.PID) })
}

// killAll sends SIGKILL to the group and to every member, and returns the members that were there before.
func (t tree) killAll() ([]Proc, error) {
	procs, err := t.members()
	// The signal to the group reaches at once what the list has missed. There being no group left is no error.
	if t.groupIsOurs() {
		_ = syscall.Kill(-t.leader, syscall.SIGKILL)
	}
	for _, p := range procs {
		_ = t.signal(p, syscall.SIGKILL)
	}
	return procs, err
}

// terminate sends SIGTERM to the topmost of procs, those whose parent is not among them.
func (t tree) terminate(procs []Proc) {
	for _, p := range procs {
		if !slices.ContainsFunc(procs, func(parent Proc) bool { return parent.PID == p.PPID }) {
			_ = t.signal(p, syscall.SIGTERM)
		}
	}
}

// restGrace bounds how long a server may take to end whose leader, a wrapper, has ended before it.
const restGrace = 10 * time.Second

// settle gives the rest of the tree a moment to end by itself, and more if nobody has told it to end yet.
func (p *Process) settle() {
	timeout := time.After(p.restOfGrace())
	for delay := firstSweep; ; delay = min(2*delay, lastSweep) {
		if procs, err := p.tree.members(); err == nil && len(procs) == 0 {
			return
		}
		select {
		case <-p.kill:
			return
		case <-timeout:
			return
		case <-time.After(delay):
		}
	}
}

// restOfGrace returns how long what the leader left behind may go on. A leader that the signal to stop has killed, as it does
// a shell, has passed it on to nobody, and a server that still listens has not heard of it: they are asked to end now.
func (p *Process) restOfGrace() time.Duration {
	exit := p.Exit()
	procs, err := p.tree.members()
	if err != nil || len(procs) == 0 || !exit.Asked || p.isKilling() {
		return p.opts.SweepGrace
	}
	if exit.Signal != signalName(syscall.SIGTERM) && exit.Status != shellTerm && !p.listens(procs) {
		return p.opts.SweepGrace
	}
	p.tree.terminate(procs)
	return max(p.opts.SweepGrace, min(p.grace(), restGrace))
}

// shellTerm is the exit status by which a shell says that SIGTERM ended its command.
const shellTerm = 128 + int(syscall.SIGTERM)

func (p *Process) isKilling() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killing
}

// sweep kills what is left of the tree until nothing is. It does not give up on a process that the kernel does not let go;
// those who wait for it do, after a time. An error means that there is no telling what is left.
func (p *Process) sweep() (sweptProcs, error) {
	swept := sweptProcs{}
	for delay, empty := firstSweep, 0; empty < emptyLooks; delay = min(2*delay, lastSweep) {
		procs, err := p.tree.killAll()
		if err != nil {
			return swept, err
		}
		swept.add(procs)
		empty++
		if len(procs) > 0 {
			empty = 0
		}
		<-time.After(delay)
	}
	return swept, nil
}

// finish records that nothing of the tree is left, and reaps the leader.
func (p *Process) finish(swept sweptProcs, err error) {
	p.mu.Lock()
	// The leader's number may mean somebody else from now on.
	p.over = true
	p.mu.Unlock()
	p.reap()

	p.mu.Lock()
	defer p.mu.Unlock()
	killed := sweptProcs{}
	killed.add(p.stopped.Killed)
	killed.add(swept.sorted())
	p.stopped.Exit = *p.exit
	p.stopped.Killed = killed.sorted()
	p.stopped.Tree = time.Since(p.exit.At)
	if p.exit.Asked {
		p.stopped.Leader = p.exit.At.Sub(p.asked)
	}
	if err != nil {
		p.stopErr = &StopError{Err: err}
	}
	close(p.gone)
}

// reap removes the leader's zombie, by way of its guardian if it has one, and what note there is of the launch.
func (p *Process) reap() {
	if p.guardian == nil {
		reapLeader(p.leader)
	} else {
		p.guardian.finish()
		p.tree.reapAdopted()
	}
	removeState(p.stateFile)
}

// portWait bounds the wait for the port. With every process gone it is free at once, unless somebody else took it.
const portWait = 5 * time.Second

// awaitPort waits until the server's port is free. A server in a container may have it until the stop command was run.
func (p *Process) awaitPort() {
	defer close(p.portFree)
	<-p.commanded
	if p.opts.Port == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(portWait, p.opts.GoneTimeout))
	defer cancel()
	began := time.Now()
	err := awaitPort(ctx, p.opts.Host, p.opts.Port)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped.Port = time.Since(began)
	if err != nil && p.stopErr == nil {
		p.stopErr = &StopError{Waited: p.stopped.Port.Round(time.Millisecond), Err: err}
	}
}
