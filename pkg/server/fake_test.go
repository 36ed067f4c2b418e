package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain makes the test binary its own fake server: with FAKE_SERVER set it does the steps that its arguments name, or is a
// guardian.
func TestMain(m *testing.M) {
	if os.Getenv("FAKE_SERVER") == "" {
		os.Exit(m.Run())
	}
	if slices.Equal(os.Args[1:], []string{"guard"}) {
		os.Exit(Guard(os.Stdin, os.Stdout))
	}
	// Whatever goes wrong in a test, no fake outlives it for long.
	time.AfterFunc(2*time.Minute, func() { os.Exit(99) })
	for _, step := range os.Args[1:] {
		name, value, _ := strings.Cut(step, "=")
		fakeSteps[name](value)
	}
}

// fakeSteps are what a fake server can do. The steps of a child are separated by ";", those of a child with a group of its own
// by ",", so that the one can be started by the other.
var fakeSteps = map[string]func(string){
	"log": func(text string) { fmt.Println(text) },
	"append": func(file string) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		check(err)
		_, err = f.WriteString("x")
		check(err)
	},
	"end-when": endWhen,
	// The end of the parent ends the process, too.
	"await-parent": func(string) { go awaitParent() },
	"touch":        func(file string) { check(os.WriteFile(file, nil, 0o600)) },
	"exit":         func(status string) { os.Exit(number(status)) },
	"signal":       func(sig string) { check(syscall.Kill(os.Getpid(), syscall.Signal(number(sig)))); hang("") },
	"ignore-term":  func(string) { signal.Ignore(syscall.SIGTERM) },
	"on-term":      onTerm,
	"beacon":       lightBeacon,
	"child":        func(steps string) { startChild(strings.Split(steps, ";"), childOptions{}) },
	"group-child":  func(steps string) { startChild(strings.Split(steps, ","), childOptions{group: true}) },
	// A child in a session of its own; a daemon's parent has ended as well. Neither has the launch marker.
	"session-child": func(steps string) { startChild(strings.Split(steps, ","), childOptions{session: true}) },
	"daemon":        func(steps string) { startChild([]string{"session-child=" + steps, "exit=0"}, childOptions{}) },
	"titled-child":  startTitled,
	"reaper":        func(string) { go reapChildren() },
	// vLLM's API server ends, with status 0, when its engine has.
	"end-with-child": func(status string) {
		go func() {
			_, err := syscall.Wait4(-1, nil, 0, nil)
			check(err)
			os.Exit(number(status))
		}()
	},
	// What Python calls its multiprocessing children; nothing is done.
	"--multiprocessing-fork": func(string) {},
	"orchestrate":            orchestrate,
	"tracker":                startTracker,
	"await-eof":              func(string) { _, _ = os.Stdin.Read(make([]byte, 1)) },
	"listen":                 listenOn,
	"share":                  shareAddress,
	"flood":                  flood,
	"flood-on":               func(string) { go floodOn() },
	"hang":                   hang,
}

func check(err error) {
	if err != nil {
		fmt.Println("fake server:", err)
		os.Exit(98)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

// endWhen ends the process in order when the file appears.
func endWhen(file string) {
	go func() {
		for {
			if _, err := os.Stat(file); err == nil {
				os.Exit(0)
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
}

func awaitParent() {
	for parent := os.Getppid(); os.Getppid() == parent; {
		<-time.After(5 * time.Millisecond)
	}
	os.Exit(0)
}

func onTerm(status string) {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		os.Exit(number(status))
	}()
}

// kept holds open what must stay open until the process ends.
var kept []any

func lightBeacon(name string) {
	f, err := os.OpenFile(os.Getenv("BEACON"), os.O_WRONLY, 0)
	check(err)
	_, err = fmt.Fprintf(f, "%s %d\n", name, os.Getpid())
	check(err)
	kept = append(kept, f)
}

type childOptions struct {
	group, session bool
	title          string
}

// startChild starts a child and waits until it hangs or ends.
func startChild(steps []string, o childOptions) {
	r, w, err := os.Pipe()
	check(err)
	child := exec.Command(executablePath(), steps...)
	if o.title != "" {
		child.Args[0] = o.title
	}
	child.Env = append(os.Environ(), "FAKE_UP=1")
	if o.session {
		child.Env = append(child.Env, MarkerName+"=")
	}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{w}
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: o.group, Setsid: o.session}
	check(child.Start())
	check(w.Close())
	_, _ = r.Read(make([]byte, 1))
}

// startTitled starts a child that calls itself by the first of the steps.
func startTitled(steps string) {
	title, rest, _ := strings.Cut(steps, ";")
	startChild(strings.Split(rest, ";"), childOptions{title: title})
}

func executablePath() string {
	exe, err := os.Executable()
	check(err)
	return exe
}

// reapChildren reaps children the moment they end.
func reapChildren() {
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); errors.Is(err, syscall.ECHILD) {
			return
		}
	}
}

// orchestrate starts the server that the Options in file describe, and makes it ready when it is told to.
func orchestrate(file string) {
	data, err := os.ReadFile(file)
	check(err)
	var opts Options
	check(json.Unmarshal(data, &opts))
	p, err := Start(opts)
	check(err)
	if p.guardian != nil {
		reportPID("guardian", guardianPID(p))
	}
	p.SetReady()
	lightBeacon("orchestrator")
}

// reportPID reports another process that does not do so itself.
func reportPID(name string, pid int) {
	f, err := os.OpenFile(os.Getenv("BEACON"), os.O_WRONLY, 0)
	check(err)
	_, err = fmt.Fprintf(f, "%s %d\n", name, pid)
	check(err)
	check(f.Close())
}

// startTracker starts a child that ends when we have, as Python's resource tracker does: when it sees the end of a pipe.
func startTracker(steps string) {
	r, w, err := os.Pipe()
	check(err)
	child := exec.Command(executablePath(), append(strings.Split(steps, ";"), "ignore-term", "await-eof")...)
	child.Stdin, child.Stdout, child.Stderr = r, os.Stdout, os.Stderr
	check(child.Start())
	kept = append(kept, w)
}

func listenOn(address string) {
	l, err := net.Listen("tcp", address)
	check(err)
	kept = append(kept, l)
}

// shareAddress listens on an address that others may listen on, too.
func shareAddress(address string) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			check(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		})
	}}
	l, err := config.Listen(context.Background(), "tcp", address)
	check(err)
	kept = append(kept, l)
}

// floodOn floods the log until the process ends.
func floodOn() {
	for {
		flood("1")
	}
}

func flood(megabytes string) {
	block := []byte(strings.Repeat("\xffx", 1<<19))
	for range number(megabytes) {
		_, err := os.Stdout.Write(block)
		check(err)
	}
}

func hang(string) {
	if os.Getenv("FAKE_UP") != "" {
		check(os.NewFile(3, "up").Close())
	}
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGUSR2)
	<-never
}

// beacon is a named pipe that the processes of a fake server hold open: they write their names and pids to it, and it tells
// when the last of them has ended, by whatever way.
type beacon struct {
	path  string
	own   *os.File
	lines *bufio.Reader
}

func newBeacon(t *testing.T) *beacon {
	t.Helper()
	path := filepath.Join(t.TempDir(), "beacon")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	// As long as this end is open, too, the pipe does not end before the first process has opened it.
	own, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &beacon{path: path, own: own, lines: bufio.NewReader(r)}
}

// await returns the pids of the next n processes that report, by name.
func (b *beacon) await(t *testing.T, n int) map[string]int {
	t.Helper()
	pids := map[string]int{}
	for range n {
		line, err := b.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for %d fake processes, have %v: %v", n, pids, err)
		}
		name, pid, _ := strings.Cut(strings.TrimSpace(line), " ")
		pids[name] = number(pid)
	}
	return pids
}

// awaitDark waits until no process holds the beacon any more.
func (b *beacon) awaitDark(t *testing.T) {
	t.Helper()
	b.own.Close()
	if line, err := b.lines.ReadString('\n'); line != "" || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a process of the fake server is still alive: read %q, %v", line, err)
	}
}

// startFake starts a fake server that does steps. Fields of opts that are zero get values fit for tests.
func startFake(t *testing.T, b *beacon, opts Options, steps ...string) *Process {
	t.Helper()
	p, err := Start(fakeOptions(t, b, opts, steps...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := p.Kill(); err != nil && !t.Failed() {
			t.Log(err)
		}
	})
	return p
}

// fakeOptions are opts for a fake server that does steps; an Argv that is set is put in front of it.
func fakeOptions(t *testing.T, b *beacon, opts Options, steps ...string) Options {
	t.Helper()
	opts.Argv = append(append(opts.Argv, executable(t)), steps...)
	opts.Env = Environ(append(os.Environ(), opts.Env...), [][2]string{
		{"FAKE_SERVER", "1"},
		// The race detector holds up an exit with status 0 for a second.
		{"GORACE", "atexit_sleep_ms=0"},
	})
	if b != nil {
		opts.Env = Environ(opts.Env, [][2]string{{"BEACON", b.path}})
	}
	opts.LogPath = filepath.Join(t.TempDir(), "server.log")
	return opts
}

// guarded returns opts with a guardian, and a state folder of the test's own.
func guarded(t *testing.T, opts Options) Options {
	t.Helper()
	opts.Guard = []string{executable(t), "guard"}
	if opts.StateDir == "" {
		opts.StateDir = filepath.Join(t.TempDir(), "state")
	}
	return opts
}

// eventually waits until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for !done() {
		select {
		case <-timeout:
			t.Fatalf("waited too long until %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// exists is a probe that succeeds when the file exists.
func exists(file string) func(context.Context) error {
	return func(context.Context) error {
		_, err := os.Stat(file)
		return err
	}
}
