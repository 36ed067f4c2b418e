package simulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const shownTracker = "python3 -c from multiprocessing.resource_tracker import main;main(34)"

// kin is a simulator in a process and a session of its own, with all that it started.
type kin struct {
	t      *testing.T
	cmd    *exec.Cmd
	mark   string
	stderr *watchedLog
	url    string
	truth  string
}

// startFamily starts a simulator whose processes all carry a mark in their environment. When the test ends they are killed, and
// none may be left.
func startFamily(t *testing.T, args ...string) *kin {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := &kin{t: t, mark: "SIMULATOR_FAMILY=" + rand.Text(), stderr: newWatchedLog(), truth: t.TempDir()}
	base := []string{
		"--model", "testdata/tiny-llama", "--host", "127.0.0.1", "--port", "0", "--served-model-name", "m@run-full",
		"--sim-startup", "10ms", "--sim-step", "1ms", "--sim-decode-per-seq", "0", "--sim-death-delay", "10ms", "--sim-truth", f.truth,
	}
	log, logEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f.cmd = exec.Command(executable, append(base, args...)...)
	f.cmd.Env = append(os.Environ(), "SIMULATOR_CHILD=1", "GORACE=atexit_sleep_ms=0", f.mark)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	f.cmd.Stderr = logEnd
	err = f.cmd.Start()
	logEnd.Close()
	if err != nil {
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		_, _ = io.Copy(f.stderr, log) // until the last process that holds the log has ended
		close(copied)
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		_ = f.cmd.Wait()
		for _, p := range f.processes() {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
			f.awaitEnd(p.pid)
		}
		if left := f.titles(); len(left) > 0 {
			t.Errorf("left alive: %q", left)
		}
		<-copied
		log.Close()
	})
	return f
}

// ready waits until the simulator is.
func (f *kin) ready() *kin {
	f.t.Helper()
	f.stderr.wait(f.t, "Application startup complete.")
	f.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(f.stderr.String())
	return f
}

// relative is a process of the family.
type relative struct {
	pid, parent, session int
	title                string
	environ              []byte
}

// processes are those that carry the mark or are in the session; zombies are not.
func (f *kin) processes() []relative {
	f.t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(paths) == 0 {
		f.t.Fatalf("no processes in /proc: %v", err)
	}
	var out []relative
	for _, path := range paths {
		dir := filepath.Dir(path)
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		r := relative{}
		r.pid, _ = strconv.Atoi(filepath.Base(dir))
		r.parent, _ = strconv.Atoi(fields[1])
		r.session, _ = strconv.Atoi(fields[3])
		r.environ, _ = os.ReadFile(dir + "/environ")
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		r.title = strings.ReplaceAll(strings.TrimRight(string(cmdline), "\x00"), "\x00", " ")
		if r.pid == f.cmd.Process.Pid {
			r.title = "leader"
		}
		ours := r.session == f.cmd.Process.Pid || bytes.Contains(r.environ, []byte(f.mark))
		if ours && fields[0] != "Z" && fields[0] != "X" {
			out = append(out, r)
		}
	}
	return out
}

// titles are the command lines of the living, sorted.
func (f *kin) titles() []string {
	f.t.Helper()
	titles := []string{}
	for _, p := range f.processes() {
		titles = append(titles, p.title)
	}
	slices.Sort(titles)
	return titles
}

// find returns the only process with a title.
func (f *kin) find(title string) relative {
	f.t.Helper()
	var found []relative
	for _, p := range f.processes() {
		if p.title == title {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		f.t.Fatalf("got %d processes %q, want 1; alive: %q", len(found), title, f.titles())
	}
	return found[0]
}

// awaitEnd waits until a process has ended.
func (f *kin) awaitEnd(pid int) {
	f.t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		f.t.Fatal(err)
	}
	defer unix.Close(fd)
	for deadline := time.Now().Add(testTimeout); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds())+1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			f.t.Fatal(err)
		case n == 0:
			f.t.Fatalf("process %d did not end", pid)
		default:
			return
		}
	}
}

// exit waits for the leader and returns its exit status, −N for signal N.
func (f *kin) exit() int {
	f.t.Helper()
	f.awaitEnd(f.cmd.Process.Pid)
	_ = f.cmd.Wait()
	return statusOf(f.cmd.ProcessState)
}

func (f *kin) kill(pid int, sig syscall.Signal) {
	f.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		f.t.Fatal(err)
	}
}

// wantAlive checks who lives.
func (f *kin) wantAlive(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(f.titles(), append([]string{}, want...)); diff != "" {
		f.t.Errorf("alive (-got +want):\n%s\nlog:\n%s", diff, f.stderr)
	}
}

// instance gives the family's server the methods of one that runs inside the test.
func (f *kin) instance() *instance { return &instance{t: f.t, url: f.url, stderr: f.stderr} }

// awaitTracker waits for the resource_tracker, which ends after the others, if it still lives.
func (f *kin) awaitTracker() {
	f.t.Helper()
	for _, p := range f.processes() {
		if p.title == shownTracker {
			f.awaitEnd(p.pid)
		}
	}
}

// stray is the process that a fault says it started.
func (f *kin) stray(fault string) int {
	f.t.Helper()
	text := "--sim-fault " + fault + ": started process ["
	f.stderr.wait(f.t, text)
	_, rest, _ := strings.Cut(f.stderr.String(), text)
	pid, _, _ := strings.Cut(rest, "]")
	n, err := strconv.Atoi(pid)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// postFor sends a completion request and gives up on it some time after a process has ended.
func (s *instance) postFor(pid int, f *kin, text []byte) (string, error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	go func() {
		f.awaitEnd(pid)
		time.AfterFunc(100*time.Millisecond, cancel)
	}()
	return s.postUntil(ctx, text)
}
