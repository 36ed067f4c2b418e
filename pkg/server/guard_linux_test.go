package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// orphanLimit is how long anything may outlive the orchestrator.
const orphanLimit = 10 * time.Second

// helper is another process that is the orchestrator of a fake server.
type helper struct {
	*exec.Cmd
	opts Options
	// pids are those of the server's processes, by name, and of "guardian" and "orchestrator".
	pids map[string]int
}

// startHelper starts an orchestrator whose server does steps, of which so many processes report.
func startHelper(t *testing.T, b *beacon, opts Options, reports int, steps ...string) *helper {
	t.Helper()
	opts = fakeOptions(t, b, guarded(t, opts), steps...)
	data, err := json.Marshal(opts)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	h := &helper{Cmd: exec.Command(executable(t), "orchestrate="+file, "hang"), opts: opts}
	h.Env = opts.Env
	h.Stderr = os.Stderr
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kill() })
	h.pids = b.await(t, reports+2)
	return h
}

// kill kills the orchestrator as nothing can prevent it.
func (h *helper) kill() {
	_ = h.Process.Kill()
	_ = h.Wait()
}

// marker returns what the server's processes carry.
func (h *helper) marker(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(h.opts.StateDir + "/*" + stateSuffix)
	if err != nil || len(files) != 1 {
		t.Fatalf("state files %v, %v; want one", files, err)
	}
	state, err := readState(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return state.Marker
}

func TestNothingOutlivesAKilledOrchestrator(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name    string
		reports int
		steps   []string
		opts    Options
		// atLeast is what must have passed before the last process was gone.
		atLeast time.Duration
		// made is a file that must exist in the end.
		made string
	}{
		{
			name: "a server that ends in order", reports: 1,
			steps: []string{"on-term=0", "beacon=leader", "hang"},
		},
		{
			name: "a server that ignores SIGTERM", reports: 2, atLeast: orphanGrace,
			steps: []string{"ignore-term", "child=ignore-term;beacon=child;hang", "beacon=leader", "hang"},
		},
		{
			name: "a grandchild with a session of its own and without a marker", reports: 3,
			steps: []string{"child=session-child=ignore-term,beacon=grandchild,hang;beacon=child;hang", "beacon=leader", "hang"},
		},
		{
			name: "a daemon whose parent has ended", reports: 2, atLeast: orphanGrace,
			steps: []string{"child=daemon=ignore-term,beacon=daemon,hang;exit=0", "beacon=leader", "hang"},
		},
		{
			name: "a leader that has ended", reports: 1, atLeast: orphanGrace,
			steps: []string{"child=ignore-term;beacon=child;hang", "exit=0"},
			opts:  Options{SweepGrace: longGrace},
		},
		{
			name: "a wrapper that does not pass on the signal", reports: 2,
			steps: []string{"child=on-term=0;beacon=child;hang", "beacon=leader", "hang"},
		},
		{
			name: "a flood of the log", reports: 2,
			steps: []string{"child=flood-on;beacon=child;hang", "flood-on", "beacon=leader", "hang"},
		},
		{
			name: "a stop command", reports: 1, made: filepath.Join(dir, "stopped"),
			steps: []string{"on-term=0", "beacon=leader", "hang"},
			opts:  Options{StopCommand: []string{executable(t), "touch=" + filepath.Join(dir, "stopped")}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			h := startHelper(t, b, test.opts, test.reports, test.steps...)
			marker := h.marker(t)
			began := time.Now()
			h.kill()
			b.awaitDark(t)
			took := time.Since(began)
			if took < test.atLeast || took > orphanLimit {
				t.Errorf("the last process went after %v, want %v to %v", took, test.atLeast, orphanLimit)
			}
			eventually(t, "the guardian has ended", func() bool { return !alivePID(h.pids["guardian"]) })
			checkNoneMarked(t, marker)
			checkEmpty(t, h.opts.StateDir)
			if _, err := os.Stat(test.made); test.made != "" && err != nil {
				t.Error(err)
			}
		})
	}
}

// A batch system signals every process at once: the guardian is not to be impressed.
func TestGuardianStaysWhateverSignalComes(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{StopTimeout: longGrace}), "on-term=0", "beacon=leader", "hang")
	b.await(t, 1)
	p.SetReady()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGXCPU, syscall.SIGTSTP, syscall.SIGCONT} {
		if err := syscall.Kill(guardianPID(p), sig); err != nil {
			t.Fatalf("%v: %v", sig, err)
		}
	}
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if diff := cmp.Diff(stopped.Exit, Exit{Asked: true}, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
}

// The server starts with the signals as they are by default, although its guardian lets none of them end it.
func TestServerInheritsNoIgnoredSignal(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{Argv: []string{"/bin/sh", "-c", `grep SigIgn /proc/self/status; exec "$0" "$@"`}}), "beacon=leader", "hang")
	b.await(t, 1)
	tail := p.Tail(1)
	// What the C library uses for itself (32 and 33), a program that starts us may leave ignored: make does.
	const internal = 1<<31 | 1<<32
	ignored, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(strings.Join(tail, ""), "SigIgn:")), 16, 64)
	if err != nil || ignored&^internal != 0 {
		t.Errorf("got %q, want no ignored signal; %v", tail, err)
	}
}

func TestServerEndsWithItsGuardian(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	opts := guarded(t, Options{StopTimeout: longGrace, SweepGrace: time.Millisecond})
	p := startFake(t, b, opts, "ignore-term", "child=daemon=ignore-term,beacon=daemon,hang;exit=0",
		"child=session-child=beacon=grandchild,hang;beacon=child;hang", "beacon=leader", "hang")
	pids := b.await(t, 4)
	awaitRecorded(t, opts.StateDir, pids["daemon"], pids["grandchild"])
	marker := p.tree.line.marker
	if err := syscall.Kill(guardianPID(p), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	b.awaitDark(t)
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stopped.Exit, Exit{Status: -1, Signal: "SIGKILL", Unguarded: true}, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
	var exit *ExitError
	if err := p.Err(); !errors.As(err, &exit) || !strings.HasPrefix(exit.Summary(), "the server ended unasked: killed together with its guardian after ") {
		t.Errorf("got %v, want an ExitError that names the guardian", err)
	}
	for name, pid := range pids {
		if proc, err := readProc(pid); err == nil {
			t.Errorf("%s is not even reaped: %+v", name, proc)
		}
	}
	checkNoneMarked(t, marker)
	checkEmpty(t, opts.StateDir)
}

// awaitRecorded waits until the state file in dir names all of pids.
func awaitRecorded(t *testing.T, dir string, pids ...int) {
	t.Helper()
	eventually(t, "the state file names every process", func() bool {
		files, _ := filepath.Glob(dir + "/*" + stateSuffix)
		if len(files) != 1 {
			return false
		}
		state, err := readState(files[0])
		recorded := map[int]bool{state.Leader.PID: true}
		for _, id := range state.Members {
			recorded[id.PID] = true
		}
		for _, pid := range pids {
			if !recorded[pid] {
				return false
			}
		}
		return err == nil
	})
}

// A guardian that does nothing any more holds up nobody.
func TestStopWithAGuardianThatIsStopped(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	opts := guarded(t, Options{StopTimeout: 50 * time.Millisecond})
	p := startFake(t, b, opts, "ignore-term", "child=beacon=child;hang", "beacon=leader", "hang")
	b.await(t, 2)
	p.SetReady()
	guardian := guardianPID(p)
	if err := syscall.Kill(guardian, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, err := p.Stop(t.Context())
	var stop *StopError
	if err != nil && !errors.As(err, &stop) {
		t.Error(err)
	}
	b.awaitDark(t)
	if alivePID(guardian) {
		t.Error("the guardian is still there")
	}
	checkEmpty(t, opts.StateDir)
}

// The end of a server is noticed also when its guardian does nothing any more.
func TestExitWithAGuardianThatIsStopped(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{}), "child=ignore-term;beacon=child;hang", "beacon=leader", "hang")
	pids := b.await(t, 2)
	for _, stop := range []struct {
		pid int
		sig syscall.Signal
	}{{guardianPID(p), syscall.SIGSTOP}, {pids["leader"], syscall.SIGKILL}} {
		if err := syscall.Kill(stop.pid, stop.sig); err != nil {
			t.Fatal(err)
		}
	}
	<-p.Exited()
	b.awaitDark(t)
	if exit := p.Exit(); !exit.Unguarded || exit.Asked {
		t.Errorf("got %+v, want an end that the guardian did not tell and nobody asked for", exit)
	}
}

func TestStartWithoutAGuardian(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name  string
		guard string
		want  string
	}{
		{"no such program", dir + "/none", `starting the guardian "` + dir + `/none": server command "` + dir + `/none": no such file or directory`},
		{"a program that is none", "/bin/true", "the guardian ended before it had started the server"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := guarded(t, Options{})
			opts.Guard = []string{test.guard}
			p, err := Start(fakeOptions(t, nil, opts, "hang"))
			if err == nil {
				p.Kill()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			checkEmpty(t, opts.StateDir)
		})
	}
}

// What cannot be run is told as if there were no guardian.
func TestGuardianCannotStartTheServer(t *testing.T) {
	script := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(script, []byte("#!/none\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	opts := fakeOptions(t, nil, guarded(t, Options{}))
	opts.Argv = []string{script}
	p, err := Start(opts)
	if err == nil {
		p.Kill()
		t.Fatal("it started")
	}
	var command *CommandError
	if !errors.As(err, &command) || !errors.Is(err, fs.ErrNotExist) || command.Command != script {
		t.Errorf("got %v, want a CommandError that says that something does not exist", err)
	}
	checkEmpty(t, opts.StateDir)
}

// The guardian is a child of ours in no way that lets anybody mistake it for a process of the server.
func TestTheGuardianIsNotOfTheTree(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{}), "child=beacon=child;hang", "beacon=leader", "hang")
	pids := b.await(t, 2)
	var got []int
	for _, proc := range p.Tree() {
		got = append(got, proc.PID)
		if proc.Command == "" || proc.StartTicks == 0 {
			t.Errorf("incomplete: %+v", proc)
		}
	}
	if diff := cmp.Diff(got, []int{pids["leader"], pids["child"]}); diff != "" {
		t.Errorf("tree (-got +want):\n%s", diff)
	}
	if value, _ := markerOf(guardianPID(p)); value != "" {
		t.Errorf("the guardian carries the marker %q", value)
	}
	if value, _ := markerOf(pids["child"]); value != p.tree.line.marker {
		t.Errorf("the server's child carries %q, want %q", value, p.tree.line.marker)
	}
}
