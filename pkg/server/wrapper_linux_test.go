package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wrapperExample returns the first script of docs/ownership.md.
func wrapperExample(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/ownership.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(data), "```sh\n#!/bin/sh\n")
	script, _, closed := strings.Cut(text, "```")
	if !found || !closed {
		t.Fatal("docs/ownership.md has no example of a wrapper script")
	}
	return "#!/bin/sh\n" + script
}

// startWrapped starts the documented wrapper script around a fake server that listens.
func startWrapped(t *testing.T, b *beacon) (*Process, map[string]int) {
	t.Helper()
	dir := t.TempDir()
	port := freePort(t)
	// The server's module is left out: the fake does not know it.
	python := "#!/bin/sh\nshift 2\nexec " + executable(t) + ` "$@"` + "\n"
	for name, text := range map[string]string{"python": python, "serve.sh": wrapperExample(t)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opts := guarded(t, Options{Host: "127.0.0.1", Port: port, StopTimeout: longGrace, StartGrace: 50 * time.Millisecond, SweepGrace: 50 * time.Millisecond})
	opts = fakeOptions(t, b, opts, "listen="+hostPort("127.0.0.1", port), "on-term=0", "titled-child=VLLM::EngineCore;beacon=engine;await-parent;hang", "beacon=api", "hang")
	opts.Argv[0] = filepath.Join(dir, "serve.sh")
	opts.Env = Environ(opts.Env, [][2]string{{"PATH", dir + ":" + os.Getenv("PATH")}})
	p, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	pids := b.await(t, 2)
	p.SetReady()
	if pids["api"] == p.PID() {
		t.Fatal("the script has become the server; it was to stand in front of it")
	}
	if err := p.OwnsPort(); err != nil {
		t.Errorf("the port: %v", err)
	}
	return p, pids
}

// The signal to stop ends the shell, which passes it on to nobody; the server is stopped in order all the same.
func TestWrapperIsStoppedInOrder(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p, _ := startWrapped(t, b)
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if len(stopped.Killed) != 0 || stopped.Escalated {
		t.Errorf("killed %v, escalated %v; want an orderly end", stopped.Killed, stopped.Escalated)
	}
	if diff := cmp.Diff(stopped.Exit, Exit{Status: -1, Signal: "SIGTERM", Asked: true}, ignoreTimes); diff != "" {
		t.Errorf("the script's exit (-got +want):\n%s", diff)
	}
}

func TestWrapperLosesItsServer(t *testing.T) {
	for victim, name := range map[string]string{"api": "API server", "engine": "VLLM::EngineCore"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			p, pids := startWrapped(t, b)
			if err := syscall.Kill(pids[victim], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-p.Lost()
			var exit *ExitError
			if err := p.Err(); !errors.As(err, &exit) || exit.Member == nil || exit.Member.Name != name || exit.Member.PID != pids[victim] {
				t.Errorf("got %v, want the %s", err, name)
			}
			if _, err := p.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			b.awaitDark(t)
		})
	}
}
