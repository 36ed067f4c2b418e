package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guardian is the orchestrator's end of a guardian.
type guardian struct {
	cmd *exec.Cmd
	// ended is closed when the guardian's process has ended and was reaped, watching when it knows all that matter of a server that
	// is ready; follow closes the latter.
	ended, watching chan struct{}
	// events is read by one goroutine at a time, from pipe.
	events *json.Decoder
	pipe   *os.File
	// stateFile is what the guardian keeps up to date; empty for none.
	stateFile string

	mu sync.Mutex
	// commands is nil when there are none any more.
	commands *os.File
}

// The time that a guardian may take to start the server, to end when all is done, and to take stock of a server that is ready, which
// takes milliseconds unless it is stopped.
const (
	guardianStart  = 30 * time.Second
	guardianFinish = 5 * time.Second
	guardianStock  = 5 * time.Second
)

// startGuarded starts a guardian and lets it start the server.
func startGuarded(opts Options, path string, begin int64, state launchState, file string) (*Process, error) {
	// Orphans whose guardian was killed come to us instead of to init.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming the reaper of orphans: %w", err)
	}
	g, err := runGuardian(opts)
	if err != nil {
		return nil, fmt.Errorf("starting the guardian %q: %w", opts.Guard[0], err)
	}
	g.stateFile = file
	started, err := g.begin(guardJob{
		Path: path, Argv: opts.Argv, Env: marked(opts.Env, state.Marker), Dir: opts.Dir, LogPath: opts.LogPath,
		State: state, StateFile: file, GoneTimeout: opts.GoneTimeout,
	})
	if err == nil && started.Kind == eventFailed {
		err = startFailure(opts, started.failure())
	}
	if err != nil {
		g.kill()
		return nil, err
	}
	// The guardian does not reap it before we say so: the number is still its.
	leader, err := os.FindProcess(started.PID)
	if err != nil {
		g.kill()
		return nil, fmt.Errorf("looking at the server: %w", err)
	}
	p := newProcess(opts, leader, begin)
	p.guardian = g
	root, err := readProc(g.cmd.Process.Pid)
	if err != nil {
		g.kill()
		return nil, fmt.Errorf("looking at the guardian: %w", err)
	}
	p.tree.line = &lineage{root: root.id(), leader: identity{PID: started.PID, Start: started.Start}, marker: state.Marker,
		spared: []int{os.Getpid()}}
	return p, nil
}

// runGuardian starts the guardian's process. What goes wrong in it is to be found in the server's log.
func runGuardian(opts Options) (*guardian, error) {
	path, err := Resolve(opts.Guard[0], lookup(opts.Env, "PATH"))
	if err != nil {
		return nil, err
	}
	in, commands, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	events, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, commands.Close())
	}
	defer out.Close()
	log, err := openLog(opts.LogPath)
	if err != nil {
		return nil, errors.Join(err, commands.Close(), events.Close())
	}
	defer log.Close()
	g := &guardian{
		cmd: &exec.Cmd{Path: path, Args: opts.Guard, Env: opts.Env, Stdin: in, Stdout: out, Stderr: log,
			SysProcAttr: &syscall.SysProcAttr{Setsid: true}},
		ended: make(chan struct{}), watching: make(chan struct{}), events: json.NewDecoder(events), pipe: events, commands: commands,
	}
	if err := g.cmd.Start(); err != nil {
		return nil, errors.Join(err, commands.Close(), events.Close())
	}
	go func() {
		defer close(g.ended)
		// How it ended is of no interest: what matters is that it did.
		_ = g.cmd.Wait()
	}()
	return g, nil
}

// begin hands over the job and returns what came of it.
func (g *guardian) begin(job guardJob) (guardEvent, error) {
	slow := time.AfterFunc(guardianStart, func() { _ = g.cmd.Process.Kill() })
	defer slow.Stop()
	data, err := json.Marshal(job)
	if err != nil {
		return guardEvent{}, fmt.Errorf("telling the guardian its job: %w", err)
	}
	if _, err := g.commands.Write(append(data, '\n')); err != nil {
		return guardEvent{}, fmt.Errorf("telling the guardian its job: %w", err)
	}
	var e guardEvent
	if err := g.events.Decode(&e); err != nil {
		return guardEvent{}, fmt.Errorf("the guardian ended before it had started the server: %w", err)
	}
	return e, nil
}

// follow passes on the members that are lost until the leader ends, and returns how; guardianLost is set when the guardian
// has ended instead, and the leader with it.
func (g *guardian) follow(lost func(guardEvent)) leaderEnd {
	for ready := false; ; {
		var e guardEvent
		if err := g.events.Decode(&e); err != nil {
			// The signal is the leader's parent-death signal.
			return leaderEnd{status: -1, signal: syscall.SIGKILL, guardianLost: true}
		}
		switch e.Kind {
		case eventReady:
			if !ready {
				close(g.watching)
			}
			ready = true
		case eventLost:
			lost(e)
		case eventExited:
			return leaderEnd{status: e.Status, signal: e.Signal}
		}
	}
}

// command sends a line. A guardian that has ended is noticed by follow.
func (g *guardian) command(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.commands != nil {
		_, _ = g.commands.WriteString(line + "\n")
	}
}

// takeStock tells the guardian that the server is ready, and waits until it knows all that matter, or the server ends.
func (g *guardian) takeStock(exited <-chan struct{}) {
	g.command(commandReady)
	select {
	case <-g.watching:
	case <-exited:
	case <-time.After(guardianStock):
	}
}

// finish tells the guardian that nothing is left, and waits until it has ended, too.
func (g *guardian) finish() {
	g.command(commandFinish)
	g.mu.Lock()
	_ = g.commands.Close()
	g.commands = nil
	g.mu.Unlock()
	select {
	case <-g.ended:
	case <-time.After(guardianFinish):
	}
	g.kill()
}

// interrupt ends the guardian at once, which follow notices.
func (g *guardian) interrupt() { _ = g.cmd.Process.Kill() }

// kill ends the guardian, if it has not ended, and so the leader, at once.
func (g *guardian) kill() {
	_ = g.cmd.Process.Kill()
	<-g.ended
	_ = g.pipe.Close()
}

// bequeath tells the lineage whom a guardian that has ended had found, and that its orphans have come to us.
func (g *guardian) bequeath(l *lineage) {
	l.remember(g.members())
	if me, err := self(); err == nil {
		l.adopt(me)
	}
}

// members returns whom the guardian had found when it last wrote the state file.
func (g *guardian) members() []identity {
	if g.stateFile == "" {
		return nil
	}
	state, err := readState(g.stateFile)
	if err != nil {
		return nil
	}
	return state.Members
}
