package client

import (
	"testing"
	"time"
)

func TestWallClock(t *testing.T) {
	const wall = int64(1_800_000_000_000_000_000) // at instant 0 of the monotonic clock
	ms := func(n float64) int64 { return int64(n * 1e6) }
	type receive struct {
		mono, set int64 // when it was read, and by how much the wall clock has been set by then
		kernel    int64 // when the kernel stamped it, by the wall clock of that moment
		want      time.Duration
	}
	for _, tt := range []struct {
		name     string
		receives []receive
		steps    int64
	}{
		{"no step", []receive{
			{ms(1), 0, wall + ms(0.9), 100 * time.Microsecond},
			{ms(5), 0, wall + ms(5), 0},
			{ms(5), 0, wall + ms(1), 4 * time.Millisecond},
		}, 0},
		{"a stamp from the future is none", []receive{{ms(1), 0, wall + ms(1) + 1, noLag}}, 0},
		{"slewed for a minute", []receive{
			{ms(1000), ms(0.1), wall + ms(1000), 100 * time.Microsecond},
			{ms(61_000), ms(30), wall + ms(61_029), time.Millisecond},
		}, 0},
		{"set back", []receive{
			{ms(100), 0, wall + ms(99), time.Millisecond},
			{ms(110), -ms(3000), wall + ms(109), noLag},           // stamped before, read after
			{ms(111), -ms(3000), wall + ms(109), noLag},           // another one
			{ms(120), -ms(3000), wall + ms(119-3000), ms2(1)},     // all after
			{ms(120), -ms(3000), wall + ms(110.5-3000), ms2(9.5)}, // stamped right after the step was found
		}, 1},
		{"set forward", []receive{
			{ms(100), 0, wall + ms(99), time.Millisecond},
			{ms(110), ms(3000), wall + ms(109), noLag},
			{ms(111), ms(3000), wall + ms(109), noLag}, // would seem to have waited for 3 s
			{ms(120), ms(3000), wall + ms(119+3000), ms2(1)},
		}, 1},
		{"twice", []receive{
			{ms(100), ms(50), wall + ms(100), noLag},
			{ms(200), ms(100), wall + ms(200), noLag},
			{ms(201), ms(100), wall + ms(300.5), ms2(0.5)},
		}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w wallClock
			w.start(time.Now())
			w.offset.Store(wall)
			for i, r := range tt.receives {
				got := noLag
				if now := wall + r.mono + r.set; w.steady(now, r.mono) {
					got = w.place(now, r.mono, r.kernel)
				} else {
					w.step(now, r.mono)
				}
				if got != r.want {
					t.Errorf("receive %d: got %v, want %v", i, got, r.want)
				}
			}
			if got := w.steps.Load(); got != tt.steps {
				t.Errorf("got %d steps, want %d", got, tt.steps)
			}
		})
	}
}

func ms2(n float64) time.Duration { return time.Duration(n * 1e6) }

// A reading of the clocks that was interrupted between the two is taken again, and is no step.
func TestWallClockReadsAgain(t *testing.T) {
	var w wallClock
	w.start(time.Now())
	kernel := time.Now().UnixNano()
	for range 100 {
		if now, lag := w.lag(kernel); lag < 0 || now.Add(-lag).UnixNano() != kernel {
			t.Fatalf("got %v, lag %v; want the stamp %d", now, lag, kernel)
		}
	}
	if got := w.steps.Load(); got != 0 {
		t.Errorf("%d steps of a clock that nobody set", got)
	}
	if _, lag := w.lag(0); lag != noLag {
		t.Errorf("without a stamp: got %v", lag)
	}
	w.offset.Add(int64(-time.Hour)) // as if the wall clock had been set forward by an hour since
	if _, lag := w.lag(time.Now().UnixNano()); lag != noLag || w.steps.Load() != 1 {
		t.Errorf("at the step: got %v, %d steps", lag, w.steps.Load())
	}
	if _, lag := w.lag(time.Now().UnixNano()); lag == noLag || w.steps.Load() != 1 {
		t.Errorf("after the step: got %v, %d steps", lag, w.steps.Load())
	}
}
