package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guardMemory is what a guardian is to get by with, in bytes. It needs a tenth of that; at a limit near what the program holds from
// its start, as with the race detector, collecting garbage would be all that it does.
const guardMemory = 128 << 20

// Guard is the guardian of one server: the process that Options.Guard starts does nothing but call it with its standard input
// and output, and exit with the status that it returns. It starts the server as its child and stays until nothing of it is
// left. When the orchestrator ends, by whatever way, it ends the server. It must be called from the main goroutine, once.
func Guard(in, out *os.File) int {
	// The leader is killed when the thread that started it ends, which must not be earlier than we do.
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(guardMemory)
	// A batch system signals every process at once; it is for the orchestrator to decide what that means. Ignoring the
	// signals instead would be inherited by the server.
	signal.Notify(make(chan os.Signal, 1))

	defer runtime.KeepAlive(in)
	defer runtime.KeepAlive(out)
	g := &guard{in: newLineReader(int(in.Fd())), out: int(out.Fd()), leaderFD: -1, watched: map[identity]*watchedMember{}}
	if err := g.prepare(); err != nil {
		return g.fail(err)
	}
	if err := g.start(); err != nil {
		return g.fail(err)
	}
	return g.end(g.watch())
}

// guard is the state of a guardian. One goroutine does everything.
type guard struct {
	in  *lineReader
	out int
	job guardJob

	tree tree
	// leaderFD is a descriptor of the leader, −1 when the system has none.
	leaderFD int
	// exited is set when the leader's end was told, ready when the orchestrator said so.
	exited, ready bool
	watched       map[identity]*watchedMember
	// told is how many members' ends were told.
	told int
	// present is whom the last look has found, the leader left out, recorded whom the state file names.
	present, recorded []identity
}

// prepare reads the job and makes orphans come to us.
func (g *guard) prepare() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the reaper of orphans: %w", err)
	}
	line, err := g.in.next()
	if err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	if err := json.Unmarshal(line, &g.job); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	return nil
}

// start starts the server in a session of its own and tells so.
func (g *guard) start() error {
	me, err := self()
	if err != nil {
		return err
	}
	log, err := openLog(g.job.LogPath)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := serverCommand(g.job.Path, g.job.Argv, g.job.Env, g.job.Dir, log)
	// Should we be killed, at least the leader goes with us; the orchestrator sees to the rest.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return err
	}
	leader, err := readProc(cmd.Process.Pid)
	if err != nil {
		return errors.Join(fmt.Errorf("looking at the server: %w", err), cmd.Process.Kill())
	}
	g.tree = tree{leader: leader.PID, line: &lineage{root: me, leader: leader.id(), marker: g.job.State.Marker,
		spared: []int{me.PID, g.job.State.Orchestrator.PID}}}
	if fd, err := unix.PidfdOpen(leader.PID, 0); err == nil {
		g.leaderFD = fd
	}
	g.job.State.Guardian, g.job.State.Leader = me, leader.id()
	g.record(nil)
	g.tell(guardEvent{Kind: eventStarted, PID: leader.PID, Start: leader.StartTicks})
	return nil
}

// fail tells why there is no server.
func (g *guard) fail(err error) int {
	e := guardEvent{Kind: eventFailed, Error: err.Error()}
	var path *fs.PathError
	var errno syscall.Errno
	if errors.As(err, &path) && errors.As(err, &errno) {
		e.Op, e.Path, e.Errno = path.Op, path.Path, errno
	}
	g.tell(e)
	return 1
}

// tell writes an event. There are so few of them that the pipe never fills, and nobody is left to hear of an error.
func (g *guard) tell(e guardEvent) {
	data, err := json.Marshal(e)
	if err != nil {
		return
	}
	for data = append(data, '\n'); len(data) > 0; {
		n, err := unix.Write(g.out, data)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		data = data[n:]
	}
}

// record writes the state file when the members have changed.
func (g *guard) record(members []identity) {
	if g.job.StateFile == "" {
		return
	}
	g.job.State.Members = members
	// What cannot be written down now may be the next time; the server must not be stopped for it.
	if g.job.State.write(g.job.StateFile) == nil {
		g.recorded = members
	}
}

// The graces of a server whose orchestrator has ended, which is to be gone within 10 s.
const (
	orphanStopCommand = 5 * time.Second
	orphanGrace       = 2 * time.Second
)

// end ends what is left of the server, in order if the orchestrator has not done so, and removes the state file when nothing
// is. It returns the exit status.
func (g *guard) end(finished bool) int {
	if !finished {
		g.runStopCommand()
		g.askToEnd()
	}
	if !g.sweep() {
		return 1
	}
	// The leader goes last, since its number is that of its group and session.
	_, _ = unix.Wait4(g.tree.leader, nil, unix.WNOHANG, nil)
	removeState(g.job.StateFile)
	return 0
}

// runStopCommand runs the stop command of a server in a container, which signals do not reach.
func (g *guard) runStopCommand() {
	if len(g.job.State.StopCommand) > 0 {
		// The log, where its output goes, is all there is to tell.
		_ = runStopCommand(stopCommand{Argv: g.job.State.StopCommand, Env: g.job.Env, Dir: g.job.Dir, LogPath: g.job.LogPath},
			orphanStopCommand, nil)
	}
}

func (g *guard) leaderAmong(procs []Proc) bool {
	return slices.ContainsFunc(procs, func(p Proc) bool { return p.id() == g.tree.line.leader })
}

// askToEnd sends SIGTERM to the leader and, when that has ended, to what it left behind, and waits for orphanGrace at most.
func (g *guard) askToEnd() {
	deadline := time.Now().Add(orphanGrace)
	rest := false
	if p, err := readProc(g.tree.leader); err == nil {
		_ = g.tree.signal(p, syscall.SIGTERM)
	}
	for delay := firstSweep; time.Now().Before(deadline); delay = min(2*delay, lastSweep) {
		members, err := g.tree.members()
		if err != nil || len(members) == 0 {
			return
		}
		if !rest && !g.leaderAmong(members) {
			rest = true
			g.tree.terminate(members)
		}
		g.reap()
		<-time.After(delay)
	}
}

// sweep kills what is left until nothing is, and tells whether that was so before the time was up.
func (g *guard) sweep() bool {
	deadline := time.Now().Add(g.job.GoneTimeout)
	for delay, empty := firstSweep, 0; empty < emptyLooks; delay = min(2*delay, lastSweep) {
		left, err := g.tree.killAll()
		if err != nil || time.Now().After(deadline) {
			return false
		}
		empty++
		if len(left) > 0 {
			empty = 0
		}
		g.reap()
		<-time.After(delay)
	}
	return true
}

// reap removes the zombies that have come to us, all but the leader.
func (g *guard) reap() {
	all, err := g.tree.look()
	if err != nil {
		return
	}
	g.reapAmong(all)
}

func (g *guard) reapAmong(procs []Proc) {
	for _, p := range procs {
		if p.State == 'Z' && p.PPID == g.tree.line.root.PID && p.PID != g.tree.leader {
			// It is our child and a zombie; nobody else waits for it.
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
		}
	}
}
