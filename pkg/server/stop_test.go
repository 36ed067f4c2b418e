package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// longGrace is a grace that no test waits for.
const longGrace = time.Hour

type stopTest struct {
	name  string
	steps []string
	// lights is how many processes report at the beacon.
	lights int
	ready  bool
	opts   Options
	exit   Exit
	// escalated and killed (by name) are what is to be in Stopped; atLeast is how long the leader must have been given.
	escalated bool
	killed    []string
	atLeast   time.Duration
}

var stopTests = []stopTest{
	{
		name: "ready, in order", ready: true, lights: 1,
		steps: []string{"on-term=0", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace},
		exit:  Exit{Asked: true},
	},
	{
		name: "ready, an odd status", ready: true, lights: 1,
		steps: []string{"on-term=7", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace},
		exit:  Exit{Status: 7, Asked: true},
	},
	{
		name: "ready, ends by the signal", ready: true, lights: 1,
		steps: []string{"beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace},
		exit:  Exit{Status: -1, Signal: "SIGTERM", Asked: true},
	},
	{
		name: "ready, ignores SIGTERM", ready: true, lights: 2,
		steps: []string{"ignore-term", "child=beacon=child;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: 100 * time.Millisecond, StartGrace: longGrace},
		exit:  Exit{Status: -1, Signal: "SIGKILL", Asked: true}, escalated: true,
		killed: []string{"leader", "child"}, atLeast: 100 * time.Millisecond,
	},
	{
		name: "starting, ignores SIGTERM", lights: 1,
		steps: []string{"ignore-term", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, StartGrace: 100 * time.Millisecond},
		exit:  Exit{Status: -1, Signal: "SIGKILL", Asked: true}, escalated: true,
		killed: []string{"leader"}, atLeast: 100 * time.Millisecond,
	},
	{
		name: "starting, the grace is bounded by the stop timeout", lights: 1,
		steps: []string{"ignore-term", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: 50 * time.Millisecond, StartGrace: longGrace},
		exit:  Exit{Status: -1, Signal: "SIGKILL", Asked: true}, escalated: true,
		killed: []string{"leader"}, atLeast: 50 * time.Millisecond,
	},
	{
		name: "starting, in order", lights: 1,
		steps: []string{"on-term=0", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, StartGrace: longGrace},
		exit:  Exit{Asked: true},
	},
	{
		name: "children outlive the leader", ready: true, lights: 3,
		steps: []string{"on-term=0", "child=beacon=one;ignore-term;hang", "child=beacon=two;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, SweepGrace: 20 * time.Millisecond},
		exit:  Exit{Asked: true}, killed: []string{"one", "two"},
	},
	{
		name: "a grandchild in a group of its own", ready: true, lights: 3,
		steps: []string{"on-term=0", "child=beacon=child;group-child=beacon=grandchild,hang;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, SweepGrace: 20 * time.Millisecond},
		exit:  Exit{Asked: true}, killed: []string{"child", "grandchild"},
	},
	{
		name: "a grandchild whose parent has ended", ready: true, lights: 2,
		steps: []string{"on-term=0", "child=group-child=beacon=grandchild,hang;exit=0", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, SweepGrace: 20 * time.Millisecond},
		exit:  Exit{Asked: true}, killed: []string{"grandchild"},
	},
	{
		name: "a leader that the signal kills leaves children that would end in order", ready: true, lights: 2,
		steps: []string{"child=on-term=0;beacon=child;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, SweepGrace: time.Millisecond},
		exit:  Exit{Status: -1, Signal: "SIGTERM", Asked: true},
	},
	{
		name: "the same of a shell that says so", ready: true, lights: 2,
		steps: []string{"on-term=143", "child=on-term=0;beacon=child;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: longGrace, SweepGrace: time.Millisecond},
		exit:  Exit{Status: 143, Asked: true},
	},
	{
		name: "children of such a leader that ignore it, too", ready: true, lights: 2,
		steps: []string{"child=ignore-term;beacon=child;hang", "beacon=leader", "hang"},
		opts:  Options{StopTimeout: time.Second, SweepGrace: time.Millisecond},
		exit:  Exit{Status: -1, Signal: "SIGTERM", Asked: true}, killed: []string{"child"},
	},
}

func TestStop(t *testing.T) {
	for _, test := range stopTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
		if runtime.GOOS != "linux" {
			continue
		}
		t.Run(test.name+", guarded", func(t *testing.T) {
			t.Parallel()
			guardedTest := test
			guardedTest.opts = guarded(t, test.opts)
			guardedTest.run(t)
		})
	}
}

func (test stopTest) run(t *testing.T) {
	b := newBeacon(t)
	p := startFake(t, b, test.opts, test.steps...)
	pids := b.await(t, test.lights)
	if test.ready {
		p.SetReady()
	}
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if diff := cmp.Diff(stopped.Exit, test.exit, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
	if stopped.Escalated != test.escalated {
		t.Errorf("escalated %v, want %v", stopped.Escalated, test.escalated)
	}
	checkKilled(t, stopped.Killed, pids, test.killed)
	if stopped.Leader < test.atLeast || stopped.Total() < stopped.Leader {
		t.Errorf("the leader was given %v of %v, want at least %v", stopped.Leader, stopped.Total(), test.atLeast)
	}
	if err := p.Err(); err != nil {
		t.Errorf("an end that was asked for is an error: %v", err)
	}
	if test.opts.StateDir != "" {
		checkEmpty(t, test.opts.StateDir)
	}
}

// checkEmpty checks that no state file is left.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, entry := range entries {
		t.Errorf("%s is left in the state folder", entry.Name())
	}
}

// A leader that ends by itself leaves its workers behind, and they are swept although nobody has called Stop yet.
func TestSweepAfterTheLeaderEndedByItself(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{SweepGrace: 20 * time.Millisecond},
		"child=beacon=child;ignore-term;group-child=beacon=grandchild,hang;hang", "exit=0")
	pids := b.await(t, 2)
	<-p.Exited()
	b.awaitDark(t)
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stopped.Exit, Exit{}, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
	checkKilled(t, stopped.Killed, pids, []string{"child", "grandchild"})
	if stopped.Leader != 0 || stopped.Escalated {
		t.Errorf("got %+v, want no time for a leader that had ended, and no escalation", stopped)
	}
	again, err := p.Stop(t.Context())
	if diff := cmp.Diff(again, stopped); diff != "" || err != nil {
		t.Errorf("second stop (-got +want), error %v:\n%s", err, diff)
	}
	var exit *ExitError
	if !errors.As(p.Err(), &exit) {
		t.Errorf("Err() is %v, want an ExitError: nobody had asked", p.Err())
	}
}

// What ends by itself soon after the leader is not killed.
func TestSweepGrace(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	// The child ends when the leader's end of a pipe is closed by its death, as Python's resource tracker does.
	p := startFake(t, b, Options{StopTimeout: longGrace, SweepGrace: time.Minute}, "on-term=0", "tracker=beacon=tracker", "beacon=leader", "hang")
	b.await(t, 2)
	p.SetReady()
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if len(stopped.Killed) != 0 {
		t.Errorf("killed %v, want none", stopped.Killed)
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{StopTimeout: longGrace, StartGrace: longGrace, SweepGrace: longGrace},
		"ignore-term", "child=beacon=child;group-child=beacon=grandchild,hang;hang", "beacon=leader", "hang")
	pids := b.await(t, 3)
	stopped, err := p.Kill()
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if diff := cmp.Diff(stopped.Exit, Exit{Status: -1, Signal: "SIGKILL", Asked: true}, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
	checkKilled(t, stopped.Killed, pids, []string{"leader", "child", "grandchild"})
}

// The end of the context ends every grace: that for the leader, and that for what it leaves behind.
func TestStopHurriesWhenTheContextEnds(t *testing.T) {
	for _, leader := range []string{"ignore-term", "on-term=0"} {
		t.Run(leader, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			p := startFake(t, b, Options{StopTimeout: longGrace, SweepGrace: longGrace}, leader, "child=beacon=child;ignore-term;hang", "beacon=leader", "hang")
			b.await(t, 2)
			p.SetReady()
			ctx, cancel := context.WithCancel(t.Context())
			var stopping sync.WaitGroup
			stopping.Go(func() {
				if _, err := p.Stop(ctx); err != nil {
					t.Error(err)
				}
			})
			if leader == "on-term=0" {
				<-p.Exited()
			}
			cancel()
			stopping.Wait()
			b.awaitDark(t)
		})
	}
}

// Stops, kills and the server's own end at the same time come to the same result.
func TestStopConcurrently(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{StopTimeout: longGrace, SweepGrace: 20 * time.Millisecond}, "on-term=0", "child=beacon=child;hang", "beacon=leader", "hang")
	b.await(t, 2)
	p.SetReady()
	results := make([]Stopped, 9)
	var stops sync.WaitGroup
	for i := range results {
		stops.Go(func() {
			var err error
			switch i {
			case 8:
				<-p.Exited()
				results[i], err = p.Kill()
			default:
				results[i], err = p.Stop(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
			p.Phase()
			p.Tail(3)
			p.Exit()
		})
	}
	stops.Wait()
	b.awaitDark(t)
	for _, got := range results[1:] {
		if diff := cmp.Diff(got, results[0]); diff != "" {
			t.Errorf("two results of one stop (-got +want):\n%s", diff)
		}
	}
	if got := results[0].Exit; got.Status != 0 || !got.Asked {
		t.Errorf("exit %+v, want status 0 as asked", got)
	}
}

func TestStopWaitsForThePort(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	b := newBeacon(t)
	p := startFake(t, b, Options{Host: "127.0.0.1", Port: port, StopTimeout: longGrace}, "listen="+hostPort("127.0.0.1", port), "on-term=0", "beacon=leader", "hang")
	b.await(t, 1)
	p.SetReady()
	var used *PortInUseError
	if err := CheckPort("127.0.0.1", port); !errors.As(err, &used) {
		t.Fatalf("the server's port: %v, want a PortInUseError", err)
	}
	if _, err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := CheckPort("127.0.0.1", port); err != nil {
		t.Error(err)
	}
}

func TestStopNamesWhoHasThePort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	p := startFake(t, nil, Options{Host: "127.0.0.1", Port: port, GoneTimeout: time.Second}, "exit=3")
	<-p.Exited()
	stopped, err := p.Stop(t.Context())
	var stop *StopError
	var used *PortInUseError
	if !errors.As(err, &stop) || !errors.As(err, &used) || !strings.Contains(err.Error(), hostPort("127.0.0.1", port)) {
		t.Errorf("got %v, want a StopError that names the port", err)
	}
	if stopped.Exit.Status != 3 || stopped.Port <= 0 {
		t.Errorf("got %+v, want status 3 and the time spent on the port", stopped)
	}
}

func TestStopNamesSurvivors(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{}, "beacon=leader", "hang")
	pid := b.await(t, 1)["leader"]
	_, err := p.survivors(time.Second)
	var stop *StopError
	if !errors.As(err, &stop) || len(stop.Survivors) != 1 {
		t.Fatalf("got %v, want a StopError with one survivor", err)
	}
	if want := fmt.Sprintf("stopping the server: still there 1s after SIGKILL: pid %d (", pid); hasProc && !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want %q", err, want)
	}
}

// A server that floods its log neither blocks nor is blocked by us, and stops like any other.
func TestStopDuringALogFlood(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{StopTimeout: longGrace}, "log=Starting to load model", "child=flood=16;hang", "on-term=0", "beacon=leader", "flood=16", "log=", "log=done", "hang")
	b.await(t, 1)
	var phase Phase
	err := p.AwaitReady(t.Context(), time.Minute, func(context.Context) error {
		phase = p.Phase()
		if tail := p.Tail(1); len(tail) == 1 && tail[0] == "done" {
			return nil
		}
		return errors.New("not done")
	})
	if err != nil {
		t.Fatal(err)
	}
	if phase.State < StateImporting {
		t.Errorf("phase %v, want one that the log shows", phase)
	}
	if _, err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if info, err := os.Stat(p.opts.LogPath); err != nil || info.Size() < 32<<20 {
		t.Errorf("log %v, %v; want all of 32 MiB", info, err)
	}
}

// A second launch may share the log of the first; its tail is its own.
func TestTailIsOfThisLaunch(t *testing.T) {
	t.Parallel()
	p := startFake(t, nil, Options{}, "log=one", "exit=0")
	<-p.Exited()
	second, err := Start(p.opts)
	if err != nil {
		t.Fatal(err)
	}
	<-second.Exited()
	if _, err := second.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(second.Tail(5), []string{"one"}); diff != "" {
		t.Errorf("tail (-got +want):\n%s", diff)
	}
}

// checkKilled compares the processes that were killed with those of the given names.
func checkKilled(t *testing.T, killed []Proc, pids map[string]int, names []string) {
	t.Helper()
	if !hasProc {
		return
	}
	got, want := map[int]bool{}, map[int]bool{}
	for _, p := range killed {
		got[p.PID] = true
	}
	for _, name := range names {
		want[pids[name]] = true
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("killed (-got +want), of %v:\n%s", pids, diff)
	}
}
