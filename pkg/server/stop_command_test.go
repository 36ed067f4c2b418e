package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The stop command stands for one that ends a container: what ends the server is that a file appears.
func TestStopCommand(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	stop := filepath.Join(t.TempDir(), "stop")
	p := startFake(t, b, Options{StopTimeout: longGrace, StopCommand: []string{executable(t), "log=stopping", "touch=" + stop}},
		"ignore-term", "end-when="+stop, "beacon=leader", "hang")
	b.await(t, 1)
	p.SetReady()
	stopped, err := p.Stop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if diff := cmp.Diff(stopped.Exit, Exit{Asked: true}, ignoreTimes); diff != "" {
		t.Errorf("exit (-got +want):\n%s", diff)
	}
	if stopped.CommandErr != nil || stopped.Command <= 0 || stopped.Escalated {
		t.Errorf("got %+v, want the time that the command took", stopped)
	}
	if tail := p.Tail(9); !strings.Contains(strings.Join(tail, "\n"), "stopping") {
		t.Errorf("log %q, want the command's output in it", tail)
	}
}

func TestStopCommandThatFails(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name  string
		argv  []string
		limit time.Duration
		want  string
	}{
		{"a status", []string{executable(t), "exit=3"}, longGrace, `stop command "` + executable(t) + `": exit status 3`},
		{"no such command", []string{dir + "/none"}, longGrace, `stop command: server command "` + dir + `/none": no such file or directory`},
		{"one that hangs", []string{executable(t), "ignore-term", "hang"}, 50 * time.Millisecond, `killed, it did not end within 50ms`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			p := startFake(t, b, Options{StopTimeout: test.limit, SweepGrace: time.Millisecond, StopCommand: test.argv}, "on-term=0", "beacon=leader", "hang")
			b.await(t, 1)
			if test.limit == longGrace {
				p.SetReady()
			}
			stopped, err := p.Stop(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.awaitDark(t)
			if stopped.CommandErr == nil || !strings.Contains(stopped.CommandErr.Error(), test.want) {
				t.Errorf("got %v, want %s", stopped.CommandErr, test.want)
			}
		})
	}
}

// A stop command for a server that has ended long since is hurried like any other.
func TestStopCommandIsHurried(t *testing.T) {
	t.Parallel()
	p := startFake(t, nil, Options{StopTimeout: longGrace, SweepGrace: time.Millisecond, StopCommand: []string{executable(t), "exit=0"}}, "exit=1")
	<-p.gone
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if stopped, err := p.Stop(ctx); err != nil || stopped.Escalated {
		t.Errorf("got %+v, %v", stopped, err)
	}
	eventually(t, "the command was told to hurry", func() bool {
		select {
		case <-p.kill:
			return true
		default:
			return false
		}
	})
}

// It runs also when the server has ended by itself: the container may live on. It runs once.
func TestStopCommandRunsOnceAndInAnyCase(t *testing.T) {
	t.Parallel()
	note := filepath.Join(t.TempDir(), "note")
	p := startFake(t, nil, Options{StopCommand: []string{executable(t), "append=" + note}}, "exit=1")
	<-p.Exited()
	for range 2 {
		if _, err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Kill(); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(note); err != nil || len(data) != 1 {
		t.Errorf("it ran %d times, %v; want once", len(data), err)
	}
}

// A whole stop fits into the time that is granted, with everything gone.
func TestStopFitsIntoItsTime(t *testing.T) {
	const granted = 2 * time.Second
	stubborn := []string{"ignore-term", "child=beacon=child;ignore-term;hang", "beacon=leader", "hang"}
	tests := []struct {
		name  string
		steps []string
		opts  Options
		ctx   bool
	}{
		{"a grace", stubborn, Options{Grace: granted}, false},
		{"a deadline", stubborn, Options{}, true},
		{"a wrapper's children", []string{"child=beacon=child;ignore-term;hang", "beacon=leader", "hang"}, Options{Grace: granted}, false},
		{"a stop command that hangs", stubborn, Options{Grace: granted, StopCommand: []string{executable(t), "hang"}}, false},
		{"a long grace for the rest", []string{"on-term=0", "child=beacon=child;ignore-term;hang", "beacon=leader", "hang"}, Options{Grace: granted, SweepGrace: longGrace}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			test.opts.StopTimeout = longGrace
			p := startFake(t, b, test.opts, test.steps...)
			b.await(t, 2)
			p.SetReady()
			ctx := t.Context()
			if test.ctx {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, granted)
				defer cancel()
			}
			began := time.Now()
			_, err := p.Stop(ctx)
			took := time.Since(began)
			if err != nil {
				t.Error(err)
			}
			if took < granted/4 || took > granted+100*time.Millisecond {
				t.Errorf("took %v, want %v at most", took, granted)
			}
			b.awaitDark(t)
		})
	}
}

// Stop returns at its deadline, whatever is still there.
func TestStopReturnsAtItsDeadline(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startFake(t, b, Options{}, "beacon=leader", "hang")
	b.await(t, 1)
	began := time.Now()
	_, err := p.awaitGone(began.Add(50 * time.Millisecond))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "still there") && hasProc {
		t.Errorf("got %v, want the one that is still there", err)
	}
}

func TestBudget(t *testing.T) {
	b := budget{}
	if got := b.bound(time.Hour, 2); got != time.Hour {
		t.Errorf("no bound: got %v, want 1h", got)
	}
	p := &Process{opts: Options{Grace: 20 * time.Second}}
	b = p.budget(t.Context())
	if got := b.end.Sub(b.kill); got != killShare {
		t.Errorf("kept for killing: %v, want %v", got, killShare)
	}
	if got := b.bound(time.Hour, 2); got < 8*time.Second || got > 9*time.Second {
		t.Errorf("half of it: %v, want 9s or a bit less", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for grace, want := range map[time.Duration]time.Duration{20 * time.Second: 20 * time.Second, time.Hour: time.Minute, 0: time.Minute} {
		p.opts.Grace = grace
		if got := time.Until(p.budget(ctx).end); got > want || got < want-time.Second {
			t.Errorf("grace %v and a deadline in a minute: %v, want %v", grace, got, want)
		}
	}
	p.opts.Grace = time.Second
	b = p.budget(t.Context())
	if got := b.end.Sub(b.kill); got != time.Second/4 {
		t.Errorf("kept of a second: %v, want a quarter", got)
	}
	if got := (budget{kill: time.Now().Add(-time.Hour), end: time.Now()}).bound(time.Hour, 1); got != 0 {
		t.Errorf("nothing is left: %v, want 0", got)
	}
}
