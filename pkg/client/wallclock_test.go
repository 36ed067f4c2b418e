package client

import (
	"testing"
	"time"
)

func TestWallClock(t *testing.T) {
	const wall = int64(1_800_000_000_000_000_000) // at instant 0 of the monotonic clock
	ms := func(n float64) int64 { return int64(n * 1e6) }
	// A look at the clocks before a receive: when, by how much the wall clock has been set by then, how exact it is, and how far off.
	type look struct{ mono, set, width, off int64 }
	type receive struct {
		look   *look
		mono   int64 // when it was read
		kernel int64 // when the kernel stamped it, by the wall clock of that moment
		want   time.Duration
	}
	at := func(mono, set int64) *look { return &look{mono, set, 200, 0} }
	for _, tt := range []struct {
		name     string
		receives []receive
		steps    int64
	}{
		{"no step", []receive{
			{nil, ms(1), wall + ms(0.9), 100 * time.Microsecond},
			{nil, ms(5), wall + ms(5), 0},
			{nil, ms(5), wall + ms(1), 4 * time.Millisecond},
			{nil, ms(61_000), wall + ms(60_999), time.Millisecond},
			{at(ms(62_000), 0), ms(62_000), wall + ms(60_999), 1001 * time.Millisecond},
		}, 0},
		{"a stamp from the future is none", []receive{
			{nil, ms(1), wall + ms(1) + int64(closeReading), 0},
			{nil, ms(1), wall + ms(1) + int64(closeReading) + 1, noLag},
		}, 0},
		{"no stamp", []receive{{nil, ms(1), 0, noLag}}, 0},
		// Kept off a processor for seconds, then between the two clocks, and every further reading is that bad: nothing was set.
		{"interrupted", []receive{
			{nil, ms(100), wall + ms(99), time.Millisecond},
			{&look{ms(2700), 0, ms(1.5), -ms(1.4)}, ms(2700), wall + ms(200), 2500 * time.Millisecond},
			{&look{ms(2701), 0, ms(0.1), -ms(0.2)}, ms(2701), wall + ms(201), 2500 * time.Millisecond},
			{at(ms(2702), 0), ms(2702), wall + ms(202), 2500 * time.Millisecond},
		}, 0},
		{"set back", []receive{
			{nil, ms(100), wall + ms(99), time.Millisecond},
			{at(ms(110), -ms(3000)), ms(110), wall + ms(109), noLag}, // stamped before, read after
			{nil, ms(111), wall + ms(109), noLag},                    // another one
			{nil, ms(120), wall + ms(119-3000), time.Millisecond},    // all after
			{nil, ms(120), wall + ms(110.5-3000), 9500 * time.Microsecond},
		}, 1},
		{"set forward", []receive{
			{nil, ms(100), wall + ms(99), time.Millisecond},
			{at(ms(110), ms(3000)), ms(110), wall + ms(109), noLag},
			{nil, ms(111), wall + ms(109), noLag}, // would seem to have waited for 3 s
			{nil, ms(120), wall + ms(119+3000), time.Millisecond},
		}, 1},
		{"set by the least that is a step", []receive{
			{at(ms(100), 100_200), ms(100), wall + ms(99), time.Millisecond},
			{at(ms(110), 100_201), ms(110), wall + ms(109), noLag},
		}, 1},
		{"set while the clocks are hard to read", []receive{
			{&look{ms(100), ms(50), ms(20), -ms(20)}, ms(100), wall + ms(99), noLag},
		}, 1},
		{"twice", []receive{
			{at(ms(100), ms(50)), ms(100), wall + ms(100), noLag},
			{at(ms(200), ms(100)), ms(200), wall + ms(200), noLag},
			{nil, ms(201), wall + ms(300.5), 500 * time.Microsecond},
		}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w wallClock
			w.start(time.Now())
			w.offset.Store(wall)
			for i, r := range tt.receives {
				if l := r.look; l != nil {
					w.look(reading{wall + l.set + l.off, l.mono, l.width})
				}
				if got := w.place(r.mono, r.kernel); got != r.want {
					t.Errorf("receive %d: got %v, want %v", i, got, r.want)
				}
			}
			if got := w.steps.Load(); got != tt.steps {
				t.Errorf("got %d steps, want %d", got, tt.steps)
			}
		})
	}
}

func TestWallClockReads(t *testing.T) {
	var w wallClock
	w.start(time.Now())
	now := time.Now()
	kernel := now.UnixNano()
	for range 100 {
		time.Sleep(50 * time.Microsecond)
		now := time.Now()
		if lag := w.lag(now, kernel); lag < 0 || apart(now.Add(-lag).UnixNano(), kernel) > int64(stepTolerance) {
			t.Fatalf("at %v: got a lag of %v, which is %d ns; want the stamp %d", now, lag, now.Add(-lag).UnixNano(), kernel)
		}
	}
	if got := w.steps.Load(); got != 0 {
		t.Errorf("%d steps of a clock that nobody set", got)
	}
	w.offset.Add(int64(-time.Hour)) // as if the wall clock had been set forward by an hour since
	now = time.Now()
	if lag := w.lag(now, now.UnixNano()); lag != noLag || w.steps.Load() != 1 {
		t.Errorf("at the step: got %v, %d steps", lag, w.steps.Load())
	}
	now = time.Now()
	if lag := w.lag(now, now.UnixNano()); lag == noLag || w.steps.Load() != 1 {
		t.Errorf("after the step: got %v, %d steps", lag, w.steps.Load())
	}
}

// A thread that was interrupted between its readings of the two clocks has found no step, and its stamp counts.
func TestWallClockInterrupted(t *testing.T) {
	var w wallClock
	w.start(time.Now().Add(-time.Second))
	for _, off := range []time.Duration{time.Millisecond, -time.Millisecond, time.Hour} {
		now := time.Now()
		mono, kernel := int64(now.Sub(w.epoch)), now.UnixNano()-1000
		got := w.lagAt(now.Add(off).UnixNano(), mono, kernel)
		if got == noLag || apart(int64(got), 1000) > int64(closeReading) || w.steps.Load() != 0 {
			t.Errorf("%v off: got a lag of %v and %d steps, want 1 µs and none", off, got, w.steps.Load())
		}
	}
}
