package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memberFlag is the hidden first argument of a process of the tree; the second one is its memberSpec as JSON.
const memberFlag = "--sim-member"

// role is what a process of the tree does.
type role string

const (
	// roleTracker is Python's resource_tracker: it ends a moment after all that hold its pipe have ended, and by no signal but
	// SIGKILL.
	roleTracker role = "resource_tracker"
	// roleEngine starts a worker and ends with it; on SIGTERM it ends the worker first. It does not notice its parent's end.
	roleEngine role = "engine"
	// roleWorker ends on SIGTERM and notices nobody's end.
	roleWorker role = "worker"
	// roleParent starts a stray and ends on SIGTERM without it; roleForker starts one and ends at once.
	roleParent role = "parent"
	roleForker role = "forker"
	// roleStray has a session of its own and ends by no signal but SIGKILL.
	roleStray role = "stray"
)

// memberSpec is what a process of the tree is told.
type memberSpec struct {
	Role role `json:"role"`
	// Title is the command line that it shows; a NUL separates arguments.
	Title string `json:"title"`
	// WipeEnviron makes its environment unreadable from outside.
	WipeEnviron bool `json:"wipe_environ,omitempty"`
	// IgnoreTerm makes it ignore SIGTERM; Deaf makes an engine go on without its worker.
	IgnoreTerm bool `json:"ignore_term,omitempty"`
	Deaf       bool `json:"deaf,omitempty"`
}

// The descriptors of a member besides the first three: a pipe on which it reports, in one line, that it runs and which process it
// started (0 for none), and for some the resource_tracker's pipe.
const (
	reportFD  = 3
	trackerFD = 4
)

const (
	// orphanLife is how long a member lives on when nobody ends it, so that a test that fails leaves nothing for ever.
	orphanLife = 10 * time.Minute
	// trackerDelay is how long the resource_tracker takes to end after everybody else.
	trackerDelay = 100 * time.Millisecond
	// engineStopTimeout bounds the wait for the engine to end on SIGTERM, workerStopTimeout that of the engine for its worker.
	engineStopTimeout = 5 * time.Second
	workerStopTimeout = 4 * time.Second
)

// member is a process of the tree as its parent sees it.
type member struct {
	process *os.Process
	// child is the process that it started, 0 for none.
	child int
	// gone is closed when the process has ended and is reaped; status may be read from then on.
	gone   chan struct{}
	status int // −N for signal N
}

// program is how to start this program again as the simulator, and where members write.
type program struct {
	argv           []string
	lookupEnv      func(string) (string, bool)
	stdout, stderr io.Writer
}

// start starts a member and waits until it runs. A session of its own comes with no output. The tracker pipe may be nil.
func (p program) start(spec memberSpec, ownSession bool, tracker *os.File) (*member, error) {
	if len(p.argv) == 0 {
		return nil, fmt.Errorf("starting %s: nobody said how this program is started", spec.Role)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Role, err)
	}
	report, reportEnd, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Role, err)
	}
	defer func() { _ = report.Close() }()
	args := append(append([]string{}, p.argv[1:]...), memberFlag, string(text))
	cmd := exec.Command(p.argv[0], args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownSession}
	cmd.ExtraFiles = []*os.File{reportEnd}
	if tracker != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, tracker)
	}
	if !ownSession {
		cmd.Stdout, cmd.Stderr = fileOf(p.stdout), fileOf(p.stderr)
	}
	err = cmd.Start()
	_ = reportEnd.Close()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Role, err)
	}
	m := &member{process: cmd.Process, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // the state says it all
		m.status = statusOf(cmd.ProcessState)
		close(m.gone)
	}()
	line, err := bufio.NewReader(report).ReadString('\n')
	if err == nil {
		m.child, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		<-m.gone
		return nil, fmt.Errorf("starting %s: no word from it, exit status %d: %w", spec.Role, m.status, err)
	}
	return m, nil
}

// fileOf is the file behind a writer; anything else is nil, which exec takes for /dev/null.
func fileOf(w io.Writer) io.Writer {
	if file, ok := w.(*os.File); ok {
		return file
	}
	return nil
}

func statusOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return state.ExitCode()
}

// stop ends a member by SIGTERM and, after a time, by SIGKILL, and waits for its end.
func (m *member) stop(timeout time.Duration) {
	_ = m.process.Signal(syscall.SIGTERM) // one that has ended already is fine
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-m.gone:
	case <-timer.C:
		_ = m.process.Kill()
		<-m.gone
	}
}

// runMember is the life of a process of the tree; ctx ends with SIGTERM.
func runMember(ctx context.Context, p program, text string) int {
	var spec memberSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return exitUsage
	}
	syscall.CloseOnExec(reportFD)
	syscall.CloseOnExec(trackerFD)
	switch {
	case spec.Role == roleTracker:
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	case spec.Role == roleStray:
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	case spec.IgnoreTerm:
		signal.Ignore(syscall.SIGTERM)
	}
	child, err := p.offspring(spec)
	if err == nil {
		err = setTitle(spec.Title, spec.WipeEnviron)
	}
	if err != nil {
		_, _ = fmt.Fprintln(p.stderr, err)
		if child != nil {
			_ = child.process.Kill()
		}
		return exitFailure
	}
	if err := spec.report(child); err != nil {
		return exitFailure
	}
	return p.live(ctx, spec, child)
}

// offspring starts the process that the role has below it, nil for none.
func (p program) offspring(spec memberSpec) (*member, error) {
	below := memberSpec{WipeEnviron: spec.WipeEnviron, IgnoreTerm: spec.IgnoreTerm}
	switch spec.Role {
	case roleEngine:
		below.Role, below.Title = roleWorker, titleWorker
		return p.start(below, false, os.NewFile(trackerFD, "tracker"))
	case roleParent, roleForker:
		below.Role, below.Title = roleStray, titleStray
		return p.start(below, true, nil)
	}
	return nil, nil
}

// report tells the parent that the process runs, and what runs below it.
func (spec memberSpec) report(child *member) error {
	pid := 0
	if child != nil {
		pid = child.process.Pid
	}
	pipe := os.NewFile(reportFD, "report")
	if pipe == nil {
		return errors.New("no pipe to report on")
	}
	_, err := fmt.Fprintln(pipe, pid)
	return errors.Join(err, pipe.Close())
}

// live does what the role does until its end.
func (p program) live(ctx context.Context, spec memberSpec, child *member) int {
	switch spec.Role {
	case roleTracker:
		_, _ = io.Copy(io.Discard, os.NewFile(trackerFD, "tracker")) // until nobody holds the other end
		<-time.After(trackerDelay)
		return exitOK
	case roleForker:
		return exitOK
	case roleStray:
		<-time.After(orphanLife)
		return exitOK
	case roleEngine:
		return p.liveAsEngine(ctx, spec, child)
	}
	awaitEnd(ctx, nil)
	return exitOK
}

func (p program) liveAsEngine(ctx context.Context, spec memberSpec, worker *member) int {
	gone := worker.gone
	if spec.Deaf {
		gone = nil
	}
	if awaitEnd(ctx, gone) {
		_, _ = fmt.Fprintf(p.stderr, "(%s pid=%d) %s [multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly "+
			"(exit code: %d), shutting down executor.\n", fromEngine, os.Getpid(), stamp("ERROR"), worker.status)
		return exitFailure
	}
	worker.stop(workerStopTimeout)
	return exitOK
}

// awaitEnd returns when ctx ends, when gone is closed (true), or when the process has had no parent of its own for a long time.
func awaitEnd(ctx context.Context, gone <-chan struct{}) bool {
	const look = time.Minute
	parent, left := os.Getppid(), orphanLife
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for left > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-gone:
			return true
		case <-ticker.C:
			if os.Getppid() != parent {
				left -= look
			}
		}
	}
	return false
}
