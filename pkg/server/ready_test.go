package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ignoreTimes leaves out of a comparison when a process ended.
var ignoreTimes = cmpopts.IgnoreFields(Exit{}, "At", "Ran")

func never(context.Context) error { return errors.New("connection refused") }

func TestAwaitReady(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ready")
	p := startFake(t, nil, Options{}, "log=Starting to load model", "touch="+marker, "hang")
	if got := p.Phase(); got.State == StateReady {
		t.Errorf("ready at once")
	}
	if err := p.AwaitReady(t.Context(), time.Minute, exists(marker)); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Phase(), (Phase{State: StateReady}); got != want {
		t.Errorf("phase %v, want %v", got, want)
	}
	if err := p.Err(); err != nil || p.Exit() != nil {
		t.Errorf("error %v and exit %v of a running server", err, p.Exit())
	}
}

func TestAwaitReadyEndsWithTheProcess(t *testing.T) {
	tests := []struct {
		name    string
		steps   []string
		exit    Exit
		phase   Phase
		tail    []string
		summary string
	}{
		{
			"exit 0", []string{"log=Starting to load model", "exit=0"},
			Exit{Status: 0}, Phase{State: StateLoading}, []string{"Starting to load model"},
			"the server ended before it was ready, while loading weights: exit status 0 after ",
		},
		{
			"exit 2 without a word", []string{"exit=2"},
			Exit{Status: 2}, Phase{}, nil,
			"the server ended before it was ready, while launching: exit status 2 after ",
		},
		{
			"a signal", []string{"log=Loading safetensors checkpoint shards: | 1/4 [x]", "log=bad \xff", "signal=9"},
			Exit{Status: -1, Signal: "SIGKILL"}, Phase{StateLoading, 1, 4}, []string{"Loading safetensors checkpoint shards: | 1/4 [x]", "bad \uFFFD"},
			"the server ended before it was ready, while loading weights 1/4: ended by SIGKILL after ",
		},
		{
			"a child that lives on", []string{"child=hang", "log=torch.compile takes 1 s", "exit=1"},
			Exit{Status: 1}, Phase{State: StateCompiling}, []string{"torch.compile takes 1 s"},
			"the server ended before it was ready, while compiling: exit status 1 after ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := startFake(t, nil, Options{}, test.steps...)
			err := p.AwaitReady(t.Context(), time.Hour, never)
			var start *StartError
			if !errors.As(err, &start) {
				t.Fatalf("got %v, want a StartError", err)
			}
			want := &StartError{Exit: &test.exit, Phase: test.phase, LogPath: p.opts.LogPath, Tail: test.tail}
			if diff := cmp.Diff(start, want, ignoreTimes, cmpopts.IgnoreFields(StartError{}, "Probe")); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
			if !strings.HasPrefix(start.Summary(), test.summary) {
				t.Errorf("summary %q, want %q", start.Summary(), test.summary)
			}
			if start.Exit.Ran <= 0 || start.Exit.At.IsZero() {
				t.Errorf("exit without times: %+v", *start.Exit)
			}
			if want := strings.Join(test.tail, "\n  "); !strings.Contains(err.Error(), want) {
				t.Errorf("text %q lacks the log %q", err, want)
			}
			var exit *ExitError
			if !errors.As(p.Err(), &exit) || exit.Exit != *start.Exit {
				t.Errorf("Err() is %v, want an ExitError with the same exit", p.Err())
			}
		})
	}
}

// A probe that succeeds although the process has ended was answered by somebody else.
func TestAwaitReadyIsNotFooledByAnotherServer(t *testing.T) {
	p := startFake(t, nil, Options{}, "exit=0")
	<-p.Exited()
	var start *StartError
	if err := p.AwaitReady(t.Context(), time.Minute, func(context.Context) error { return nil }); !errors.As(err, &start) {
		t.Errorf("got %v, want a StartError", err)
	}
}

func TestAwaitReadyEndsAProbeThatHangs(t *testing.T) {
	b := newBeacon(t)
	p := startFake(t, b, Options{}, "beacon=server", "hang")
	pid := b.await(t, 1)["server"]
	err := p.AwaitReady(t.Context(), time.Hour, func(ctx context.Context) error {
		proc, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		if err := proc.Kill(); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	var start *StartError
	if !errors.As(err, &start) || start.Exit == nil || start.Exit.Signal != "SIGKILL" {
		t.Errorf("got %v, want a StartError with SIGKILL", err)
	}
	if errors.Is(err, context.Canceled) {
		t.Errorf("%v passes for an interrupted run", err)
	}
}

// The rest needs no process, only one that does not end, and runs on a clock of its own.

func idle(t *testing.T) *Process {
	path := filepath.Join(t.TempDir(), "log")
	appendTo(t, path, "Starting to load model\n")
	return newProcess(Options{LogPath: path}, &os.Process{Pid: 1}, 0)
}

func TestAwaitReadyBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		err := idle(t).AwaitReady(t.Context(), 0, func(context.Context) error {
			at = append(at, time.Since(began)/time.Millisecond)
			if len(at) == 8 {
				return nil
			}
			return errors.New("not yet")
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at, []time.Duration{0, 50, 150, 350, 750, 1250, 1750, 2250}); diff != "" {
			t.Errorf("probes after milliseconds (-got +want):\n%s", diff)
		}
	})
}

func TestAwaitReadyTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, began := idle(t), time.Now()
		calls := 0
		err := p.AwaitReady(t.Context(), 3*time.Second, func(ctx context.Context) error {
			if calls++; calls < 3 {
				return fmt.Errorf("answer %d", calls)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if got := time.Since(began); got != 3*time.Second {
			t.Errorf("took %v, want 3s", got)
		}
		want := "the server was not ready within 3s, still loading weights; last probe: answer 2" +
			"\nlast lines of " + p.opts.LogPath + ":\n  Starting to load model"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Error("passes for a deadline of the caller")
		}
	})
}

func TestAwaitReadyReturnsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		began := time.Now()
		if err := idle(t).AwaitReady(ctx, time.Hour, never); err != cause {
			t.Errorf("got %v, want %v", err, cause)
		}
		if got := time.Since(began); got != time.Second {
			t.Errorf("took %v, want 1s", got)
		}
	})
}
