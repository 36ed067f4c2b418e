package server

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLost(t *testing.T) {
	tests := []struct {
		name   string
		steps  []string
		lights int
		// victim is who is killed.
		victim string
		member string
		// known tells that its status is told on every kernel, since nobody has reaped it.
		known bool
	}{
		{
			name: "an engine that is not reaped", lights: 2, victim: "engine", member: "VLLM::EngineCore", known: true,
			steps: []string{"titled-child=VLLM::EngineCore;beacon=engine;hang", "beacon=leader", "hang"},
		},
		{
			name: "a worker, reaped at once", lights: 3, victim: "worker", member: "VLLM::Worker_TP0",
			steps: []string{"titled-child=VLLM::EngineCore;beacon=engine;hang", "reaper",
				"titled-child=VLLM::Worker_TP0;beacon=worker;hang", "beacon=leader", "hang"},
		},
		{
			name: "a multiprocessing child without a title", lights: 2, victim: "worker", member: "multiprocessing worker", known: true,
			steps: []string{"child=beacon=worker;--multiprocessing-fork;hang", "beacon=leader", "hang"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			opts := guarded(t, Options{StartGrace: 50 * time.Millisecond})
			p := startFake(t, b, opts, test.steps...)
			pids := b.await(t, test.lights)
			p.SetReady()
			began := time.Now()
			if err := syscall.Kill(pids[test.victim], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-p.Lost()
			if took := time.Since(began); took > time.Second {
				t.Errorf("noticed after %v, want 1 s at most", took)
			}
			var exit *ExitError
			if err := p.Err(); !errors.As(err, &exit) || exit.Member == nil {
				t.Fatalf("got %v, want an ExitError with a member", err)
			}
			if exit.Member.PID != pids[test.victim] || exit.Member.Name != test.member {
				t.Errorf("lost %+v, want %s, pid %d", exit.Member, test.member, pids[test.victim])
			}
			if test.known && (exit.Exit.Signal != "SIGKILL" || exit.Exit.Asked) {
				t.Errorf("exit %+v, want SIGKILL", exit.Exit)
			}
			if p.Exit() != nil {
				t.Errorf("the leader has ended: %v", p.Exit())
			}
			if len(p.Tree()) == 0 {
				t.Error("no tree")
			}
			if _, err := p.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			b.awaitDark(t)
			if err := p.Err(); !errors.As(err, &exit) || exit.Member == nil {
				t.Errorf("after the stop: %v, want the same error", err)
			}
		})
	}
}

// What comes and goes is not missed.
func TestHelpersAreNotLost(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{StartGrace: 50 * time.Millisecond}), "child=beacon=helper;hang",
		"titled-child=VLLM::EngineCore;beacon=engine;hang", "beacon=leader", "hang")
	pids := b.await(t, 3)
	p.SetReady()
	for _, victim := range []string{"helper", "engine"} {
		if err := syscall.Kill(pids[victim], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	<-p.Lost()
	var exit *ExitError
	if err := p.Err(); !errors.As(err, &exit) || exit.Member == nil || exit.Member.PID != pids["engine"] {
		t.Errorf("got %v, want the engine", err)
	}
}

// Before the server is ready, and once it was asked to stop, what ends is nobody's loss.
func TestNothingIsLostUnlessReady(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{StopTimeout: longGrace, StartGrace: longGrace}),
		"titled-child=VLLM::EngineCore;beacon=engine;hang", "titled-child=VLLM::Worker;beacon=worker;on-term=0;hang", "on-term=0", "beacon=leader", "hang")
	pids := b.await(t, 3)
	if err := syscall.Kill(pids["engine"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the engine is gone", func() bool { return !alivePID(pids["engine"]) })
	p.SetReady()
	if _, err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Lost():
		t.Errorf("lost: %v", p.Err())
	default:
	}
	if err := p.Err(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

// A leader whose engine has died exits with status 0: the engine is to be named.
func TestTheFirstEndIsNamed(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, guarded(t, Options{SweepGrace: time.Millisecond}), "titled-child=VLLM::EngineCore;beacon=engine;hang", "end-with-child=0", "beacon=leader", "hang")
	pids := b.await(t, 2)
	p.SetReady()
	if err := syscall.Kill(pids["engine"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	b.awaitDark(t)
	var exit *ExitError
	if err := p.Err(); !errors.As(err, &exit) || exit.Member == nil || exit.Member.Name != "VLLM::EngineCore" {
		t.Errorf("got %v, want the engine", err)
	}
	if diff := cmp.Diff(*p.Exit(), Exit{}, ignoreTimes); diff != "" {
		t.Errorf("the leader's exit (-got +want):\n%s", diff)
	}
}
