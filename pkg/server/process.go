package server

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a server that was started. All of its methods may be called at any time and from any goroutine.
//
// Note: one goroutine (watch) sees the leader's end, sweeps what it left behind and reaps it; Stop and Kill only send signals
// and wait for that goroutine. So the sweep happens exactly once and in every case, and a number is never signalled after it
// may have come to mean somebody else.
type Process struct {
	opts   Options
	leader *os.Process
	// guardian is the leader's parent; nil when we are.
	guardian *guardian
	// stateFile is where the launch is noted; empty for nowhere.
	stateFile string
	tree      tree
	log       *serverLog
	started   time.Time

	// exited is closed when the leader has ended, gone when nothing of the tree is left, portFree when the port is free as
	// well or was waited for in vain.
	exited, gone, portFree chan struct{}
	// lost is closed when a member that matters has ended, commanded when the stop command has, or there is none.
	lost, commanded chan struct{}
	// kill is closed when the tree is to be killed without further grace.
	kill chan struct{}

	mu sync.Mutex
	// ready is set when a probe succeeded.
	ready bool
	// loss is set before lost is closed.
	loss *ExitError
	// remains is the tree as it was when the server's end, or a loss, was noticed.
	remains []Proc
	// commanding is set when the stop command was, or is being, run.
	commanding bool
	// termed is set when SIGTERM was sent.
	termed bool
	// asked is when Stop or Kill was first called, and deadline when grace ends; zero if neither was.
	asked, deadline time.Time
	// killing is set with kill closed.
	killing bool
	// over is set when nothing of the tree is left: from then on its number may mean somebody else.
	over bool
	// exit is set before exited is closed; stopped and stopErr are complete before portFree is.
	exit    *Exit
	stopped Stopped
	stopErr error
}

// Exit is how the leader, or another process of the server, ended.
type Exit struct {
	// Status is the exit status, −1 when a signal ended the process or the status is not known.
	Status int
	// Signal is the name of the signal that ended the process, such as SIGKILL; empty if none did.
	Signal string
	// At is when the end was noticed, Ran the wall time from the start until then.
	At  time.Time
	Ran time.Duration
	// Asked is true when Stop or Kill had been called. An end that nobody asked for is a failure whatever the status: a vLLM
	// server whose engine died exits with 0.
	Asked bool
	// Unguarded is true when the end was noticed by that of the guardian, with which the leader is killed.
	Unguarded bool
}

// String says how the process ended and after which time.
func (e Exit) String() string {
	how := fmt.Sprintf("exit status %d", e.Status)
	switch {
	case e.Unguarded:
		how = "killed together with its guardian"
	case e.Signal != "":
		how = "ended by " + e.Signal
	case e.Status < 0:
		how = "exit status unknown"
	}
	return fmt.Sprintf("%s after %.1f s", how, e.Ran.Seconds())
}

// leaderEnd is the status of the leader as the kernel reports it.
type leaderEnd struct {
	status int
	signal syscall.Signal
	// guardianLost is true when it was the guardian that ended.
	guardianLost bool
}

// newProcess describes a server that was just started and whose output begins at the given offset of its log.
func newProcess(opts Options, leader *os.Process, logStart int64) *Process {
	return &Process{
		opts:      opts,
		leader:    leader,
		tree:      tree{leader: leader.Pid},
		log:       &serverLog{path: opts.LogPath, start: logStart, offset: logStart},
		started:   time.Now(),
		exited:    make(chan struct{}),
		gone:      make(chan struct{}),
		portFree:  make(chan struct{}),
		lost:      make(chan struct{}),
		commanded: make(chan struct{}),
		kill:      make(chan struct{}),
	}
}

// PID is the process id of the leader, which is also the id of the tree's group and session.
func (p *Process) PID() int { return p.tree.leader }

// Exited returns a channel that is closed the moment the leader has ended, whoever asked for it.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Exit returns how the leader ended, nil while it runs.
func (p *Process) Exit() *Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Lost returns a channel that is closed when, after SetReady, a process has ended that the server cannot do without, other
// than the leader: its engine, a worker, the API server behind a wrapper. It takes well under a second, whatever the server
// itself says of it, and Err tells which. It needs a guardian and is never closed without one, nor after Exited is or after a
// stop was asked for.
func (p *Process) Lost() <-chan struct{} { return p.lost }

// Err returns an *ExitError when the leader, or a member that matters, has ended and nobody had asked for it: of whichever
// ended first. It returns nil otherwise.
func (p *Process) Err() error {
	p.mu.Lock()
	exit, loss := p.exit, p.loss
	p.mu.Unlock()
	switch {
	case loss != nil:
		e := *loss
		e.Tail = p.Tail(errorLines)
		return &e
	case exit == nil || exit.Asked:
		return nil
	}
	return &ExitError{Exit: *exit, LogPath: p.opts.LogPath, Tail: p.Tail(errorLines)}
}

// Phase returns how far the server has come. It reads what was logged since the last call.
func (p *Process) Phase() Phase {
	if p.isReady() {
		return Phase{State: StateReady}
	}
	return p.log.phase()
}

// Tail returns the last n lines of the log, oldest first, fit for a terminal: valid UTF-8, no escapes, no blank lines, no
// rewritten progress, long lines cut in the middle.
func (p *Process) Tail(n int) []string { return p.log.tail(n) }

// SetReady says that the server is ready, which decides how it is stopped and from when on Lost is of use: once SetReady has
// returned, no end of a process that matters is missed. AwaitReady calls it.
func (p *Process) SetReady() {
	p.mu.Lock()
	p.ready = true
	p.mu.Unlock()
	if p.guardian != nil {
		p.guardian.takeStock(p.exited)
	}
}

func (p *Process) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// watch follows the leader to its end, and sweeps what it leaves behind.
func (p *Process) watch() {
	p.recordExit(p.awaitLeader())
	p.settle()
	p.finish(p.sweep())
	p.awaitPort()
}

// awaitLeader waits for the leader's end. Whoever is its parent does not reap it before finish.
func (p *Process) awaitLeader() leaderEnd {
	if p.guardian == nil {
		return awaitLeader(p.leader)
	}
	told := make(chan struct{})
	var urging sync.WaitGroup
	urging.Go(func() { p.urgeGuardian(told) })
	end := p.guardian.follow(p.recordLoss)
	close(told)
	urging.Wait()
	if end.guardianLost && p.tree.line != nil {
		p.guardian.bequeath(p.tree.line)
	}
	return end
}

// A guardian that is stopped does not tell that the leader has ended. Every guardianLook it is looked whether it has: after so
// many looks that found it untold, fewer when everything was killed, the guardian is ended.
const (
	guardianLook     = 500 * time.Millisecond
	untoldLooks      = 6
	untoldOnceKilled = 2
)

// urgeGuardian ends a guardian that keeps to itself that the leader has ended: one that is stopped, say.
func (p *Process) urgeGuardian(told <-chan struct{}) {
	tick := time.NewTicker(guardianLook)
	defer tick.Stop()
	for untold := 0; ; {
		select {
		case <-told:
			return
		case <-tick.C:
		}
		if untold++; !p.leaderEnded() {
			untold = 0
		}
		if untold >= untoldLooks || untold >= untoldOnceKilled && p.isKilling() {
			p.guardian.interrupt()
		}
	}
}

// leaderEnded tells whether the leader has ended, be it that nobody has noticed yet.
func (p *Process) leaderEnded() bool {
	if p.guardian == nil {
		return leaderEnded(p.leader)
	}
	return p.tree.leaderEnded()
}

func (p *Process) recordExit(end leaderEnd) {
	now := time.Now()
	var remains []Proc
	if !p.isAsked() {
		remains = p.look()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.remains == nil {
		p.remains = remains
	}
	p.exit = &Exit{Status: end.status, At: now, Ran: now.Sub(p.started), Asked: !p.asked.IsZero(), Unguarded: end.guardianLost}
	if end.signal != 0 {
		p.exit.Signal = signalName(end.signal)
	}
	close(p.exited)
}

func (p *Process) isAsked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.asked.IsZero()
}

// recordLoss records the first member that matters to end unasked.
func (p *Process) recordLoss(e guardEvent) {
	now := time.Now()
	remains := p.look()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loss != nil || !p.asked.IsZero() {
		return
	}
	exit := Exit{Status: e.Status, At: now, Ran: now.Sub(p.started)}
	if e.Signal != 0 {
		exit.Signal = signalName(e.Signal)
	}
	p.loss = &ExitError{Exit: exit, Member: &Member{PID: e.PID, Name: e.Name, Command: e.Command}, LogPath: p.opts.LogPath}
	p.remains = remains
	close(p.lost)
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	// A real-time signal has no name.
	return fmt.Sprintf("signal %d", int(s))
}
