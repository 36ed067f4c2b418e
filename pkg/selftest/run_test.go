package selftest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func quick(t *testing.T) Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	return Options{Self: self, Streams: []int{4, 2, 4}, Interval: 5 * time.Millisecond, Duration: 100 * time.Millisecond, Version: "v"}
}

// TestRun: the counts are exact; times are the machine's affair.
func TestRun(t *testing.T) {
	o := quick(t)
	var talk []string
	o.Talk = func(text string) { talk = append(talk, text) }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var streams []int
	for _, l := range r.Levels {
		streams = append(streams, l.Streams)
		if l.Events != l.Streams*20 || l.Failed != 0 || l.Lost != 0 || l.Extra != 0 {
			t.Errorf("%d streams: %d events, %d failed, %d lost, %d extra; want %d and nothing else", l.Streams, l.Events, l.Failed, l.Lost,
				l.Extra, l.Streams*20)
		}
		if l.ITLError == nil || l.TTFTError == nil || l.ScheduleLag == nil || l.ServerLate == nil || l.EventsPerSecond <= 0 ||
			l.CPUPerEvent <= 0 || l.ServerCPUShare <= 0 {
			t.Errorf("%d streams: figures are missing: %+v", l.Streams, l)
		}
		if (l.ClientLag != nil) != (r.Stamps == "kernel") {
			t.Errorf("%d streams: client lag %v with %s stamps", l.Streams, l.ClientLag, r.Stamps)
		}
	}
	if diff := cmp.Diff([]int{2, 4}, streams); diff != "" || len(talk) != 4 || r.Sentence == "" {
		t.Errorf("levels, talk %q, sentence %q (-want +got):\n%s", talk, r.Sentence, diff)
	}
	nothingLeft(t)
}

// TestConfinedRun: the client on one processor, the metronome on the others, and this process free again afterwards.
func TestConfinedRun(t *testing.T) {
	rest, release, err := confine([]int{0})
	if err != nil {
		t.Skipf("no two processors to choose from: %v", err)
	}
	release()
	o := quick(t)
	o.Streams, o.ClientCPUs = []int{2}, []int{0}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rest, r.ServerCPUs); diff != "" {
		t.Errorf("the metronome's processors (-want +got):\n%s", diff)
	}
	if again, release, err := confine([]int{0}); err != nil || len(again) != len(rest) {
		t.Errorf("processors after the run: got %v, %v; want %v", again, err, rest)
	} else {
		release()
	}
}

func TestRunFails(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	var metronome *MetronomeError
	tests := []struct {
		name   string
		ctx    context.Context
		change func(*Options)
		is     func(error) bool
	}{
		{"no streams", t.Context(), func(o *Options) { o.Streams = nil }, isUsage},
		{"a level of none", t.Context(), func(o *Options) { o.Streams = []int{4, 0} }, isUsage},
		{"no interval", t.Context(), func(o *Options) { o.Interval = 0 }, isUsage},
		{"too short", t.Context(), func(o *Options) { o.Duration = 9 * time.Millisecond }, isUsage},
		{"processors that are not there", t.Context(), func(o *Options) { o.ClientCPUs = []int{maxCPU - 1} }, isUsage},
		{"no program", t.Context(), func(o *Options) { o.Self = "/no/such/program" }, func(err error) bool { return errors.As(err, &metronome) }},
		{"a metronome that ends", t.Context(), func(o *Options) { o.Self = "false" }, func(err error) bool {
			return errors.As(err, &metronome) && strings.Contains(err.Error(), "it ended: exit status 1")
		}},
		{"interrupted", ctx, func(*Options) {}, func(err error) bool { return errors.Is(err, interrupted) }},
	}
	for _, tt := range tests {
		o := quick(t)
		tt.change(&o)
		r, err := Run(tt.ctx, o)
		if !tt.is(err) {
			t.Errorf("%s: got the error %v", tt.name, err)
		}
		if r != nil && len(r.Levels) > 0 {
			t.Errorf("%s: got levels", tt.name)
		}
		nothingLeft(t)
	}
}

func isUsage(err error) bool { return errors.Is(err, ErrUsage) }

// TestInterruptedRun: what was complete is kept.
func TestInterruptedRun(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	o := quick(t)
	o.Talk = func(text string) {
		if strings.HasPrefix(text, "4 streams for") {
			cancel(interrupted)
		}
	}
	r, err := Run(ctx, o)
	if !errors.Is(err, interrupted) || r == nil || len(r.Levels) != 1 {
		t.Errorf("got %+v, %v; want one level and the interrupt", r, err)
	}
	nothingLeft(t)
}

func nothingLeft(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("files that are left: %v, %v", left, err)
	}
}
