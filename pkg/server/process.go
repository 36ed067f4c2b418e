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
	opts    Options
	leader  *os.Process
	tree    tree
	log     *serverLog
	started time.Time

	// exited is closed when the leader has ended, gone when nothing of the tree is left, portFree when the port is free as
	// well or was waited for in vain.
	exited, gone, portFree chan struct{}
	// kill is closed when the tree is to be killed without further grace.
	kill chan struct{}

	mu sync.Mutex
	// ready is set when a probe succeeded.
	ready bool
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

// Exit is how the leader ended.
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
}

// String says how the process ended and after which time.
func (e Exit) String() string {
	how := fmt.Sprintf("exit status %d", e.Status)
	switch {
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
}

// newProcess describes a server that was just started and whose output begins at the given offset of its log.
func newProcess(opts Options, leader *os.Process, logStart int64) *Process {
	return &Process{
		opts:     opts,
		leader:   leader,
		tree:     tree{leader: leader.Pid},
		log:      &serverLog{path: opts.LogPath, start: logStart, offset: logStart},
		started:  time.Now(),
		exited:   make(chan struct{}),
		gone:     make(chan struct{}),
		portFree: make(chan struct{}),
		kill:     make(chan struct{}),
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

// Err returns an *ExitError when the leader has ended and nobody had asked for it, nil otherwise.
func (p *Process) Err() error {
	exit := p.Exit()
	if exit == nil || exit.Asked {
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

// SetReady says that the server is ready, which decides how it is stopped. AwaitReady calls it.
func (p *Process) SetReady() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = true
}

func (p *Process) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// watch follows the leader to its end, and sweeps what it leaves behind.
func (p *Process) watch() {
	p.recordExit(awaitLeader(p.leader))
	p.settle()
	p.finish(p.sweep())
	p.awaitPort()
}

func (p *Process) recordExit(end leaderEnd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.exit = &Exit{Status: end.status, At: now, Ran: now.Sub(p.started), Asked: !p.asked.IsZero()}
	if end.signal != 0 {
		p.exit.Signal = signalName(end.signal)
	}
	close(p.exited)
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	// A real-time signal has no name.
	return fmt.Sprintf("signal %d", int(s))
}
