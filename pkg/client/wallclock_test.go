package client

import (
	"fmt"
	"testing"
	"time"
)

const testWall = int64(1_800_000_000_000_000_000) // the wall clock at instant 0 of the monotonic clock

func clockAt(offset int64) *wallClock {
	w := new(wallClock)
	w.start(time.Now())
	w.offsets.Store(&[]*wallOffset{{value: offset}})
	return w
}

func TestWallClock(t *testing.T) {
	const wall = testWall
	ms := func(n float64) int64 { return int64(n * 1e6) }
	// A look at the clocks before a receive: when, by how much the wall clock has been set by then, how exact it is, and how far off.
	type look struct{ mono, set, width, off int64 }
	type receive struct {
		look   *look
		mono   int64 // when it was read
		kernel int64 // when the kernel stamped it, by the wall clock of that moment
		after  int64 // what was in front of it
		want   time.Duration
	}
	at := func(mono, set float64) *look { return &look{ms(mono), ms(set), 200, 0} }
	for _, tt := range []struct {
		name     string
		seen     int64 // when the first offset was last seen
		receives []receive
		steps    int64
	}{
		{"no step", 0, []receive{
			{nil, ms(1), wall + ms(0.9), 0, 100 * time.Microsecond},
			{nil, ms(5), wall + ms(5), 0, 0},
			{nil, ms(5), wall + ms(1), 0, 4 * time.Millisecond},
			{nil, ms(61_000), wall + ms(60_999), ms(60_998), time.Millisecond},
			{at(62_000, 0), ms(62_000), wall + ms(60_999), 0, 1001 * time.Millisecond},
		}, 0},
		{"a stamp from the future is none", 0, []receive{
			{nil, ms(1), wall + ms(1) + int64(closeReading), 0, 0},
			{nil, ms(1), wall + ms(1) + int64(closeReading) + 1, 0, noLag},
		}, 0},
		{"one from before what is in front of it is none", 0, []receive{
			{nil, ms(5), wall + ms(1), ms(1) + int64(closeReading), 4 * time.Millisecond},
			{nil, ms(5), wall + ms(1), ms(1) + int64(closeReading) + 1, noLag},
		}, 0},
		{"no stamp", 0, []receive{{nil, ms(1), 0, 0, noLag}}, 0},
		// Kept off a processor for seconds, then between the two clocks, and every further reading is that bad: nothing was set.
		{"interrupted", 0, []receive{
			{nil, ms(100), wall + ms(99), 0, time.Millisecond},
			{&look{ms(2700), 0, ms(1.5), -ms(1.4)}, ms(2700), wall + ms(200), 0, 2500 * time.Millisecond},
			{&look{ms(2701), 0, ms(0.1), -ms(0.1)}, ms(2701), wall + ms(201), 0, 2500 * time.Millisecond},
			{at(2702, 0), ms(2702), wall + ms(202), 0, 2500 * time.Millisecond},
		}, 0},
		{"set back", ms(100), []receive{
			{at(110, -3000), ms(110), wall + ms(109), ms(99), time.Millisecond},              // made before, or else it is from the future
			{nil, ms(111), wall + ms(95), 0, 16 * time.Millisecond},                          // made before
			{nil, ms(111), wall + ms(108-3000), ms(99), 3 * time.Millisecond},                // made after
			{nil, ms(120), wall + ms(119-3000), ms(111), time.Millisecond},                   // likewise
			{nil, ms(3120), wall + ms(3109-3000), 0, noLag},                                  // it has waited for 11 ms, or for 3011
			{nil, ms(3120), wall + ms(3109-3000), ms(111), 11 * time.Millisecond},            // for 11 ms
			{nil, ms(5000), wall + ms(4000-3000), 0, time.Second},                            // after, or else the step was before it
			{nil, ms(5000), wall + ms(4000-3000), ms(4000) + int64(closeReading) + 1, noLag}, // never
		}, 1},
		{"set forward", ms(100), []receive{
			{at(110, 3000), ms(110), wall + ms(99), ms(98), 11 * time.Millisecond}, // made before
			{nil, ms(111), wall + ms(109), ms(99), 2 * time.Millisecond},           // likewise, or else before the offset was last seen
			{nil, ms(111), wall + ms(109+3000), ms(99), 2 * time.Millisecond},      // after
			{nil, ms(120), wall + ms(119+3000), ms(111), time.Millisecond},
		}, 1},
		// As programs that keep a virtual machine's time do.
		{"set back by little", ms(100), []receive{
			{at(104, -0.5), ms(104), wall + ms(103.9-0.5), ms(99), noLag}, // made before 0.6 ms ago, or after 0.1 ms ago
			{nil, ms(104.6), wall + ms(104.4-0.5), ms(99), noLag},
			{nil, ms(104.6), wall + ms(104.4-0.5), ms(104.1), 200 * time.Microsecond},
			{nil, ms(104.6), wall + ms(104.56-0.5), ms(99), 40 * time.Microsecond}, // the old offset would have been seen later than the new
			{nil, ms(104.6), wall + ms(99.4), ms(99), 5200 * time.Microsecond},     // the new one would have been there when the old was seen
			{nil, ms(108), wall + ms(107.9-0.5), ms(107), 100 * time.Microsecond},
		}, 1},
		{"set forward by little", ms(100), []receive{
			{at(104, 0.5), ms(104), wall + ms(103.9+0.5), ms(99), 100 * time.Microsecond}, // else from the future
			{nil, ms(104), wall + ms(103), ms(99), noLag},                                 // before 1 ms ago, or after 1.5 ms ago
			{nil, ms(108), wall + ms(107.9+0.5), ms(104), 100 * time.Microsecond},
		}, 1},
		{"set by the least that is a step", 0, []receive{
			{&look{ms(100), 20_200, 200, 0}, ms(100), wall + ms(99), 0, time.Millisecond},
			{&look{ms(110), 20_201, 200, 0}, ms(111), wall + ms(110.5) + 20_201, 0, 500 * time.Microsecond},
		}, 1},
		{"set while the clocks are hard to read", 0, []receive{
			{&look{ms(100), ms(50), ms(20), -ms(20)}, ms(101), wall + ms(100.5+30), 0, 500 * time.Microsecond},
		}, 1},
		{"twice", ms(99), []receive{
			{at(100, 50), ms(100), wall + ms(100+50), ms(99), 0},
			{at(200, 100), ms(200), wall + ms(190+50), ms(150), 10 * time.Millisecond},
			{nil, ms(201), wall + ms(200.5+100), ms(101), 500 * time.Microsecond},
			{nil, ms(201), wall + ms(98), ms(90), 103 * time.Millisecond},
		}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := clockAt(wall)
			w.current().seen.Store(tt.seen)
			for i, r := range tt.receives {
				if l := r.look; l != nil {
					w.look(reading{wall + l.set + l.off, l.mono, l.width})
				}
				if got := w.place(r.mono, r.kernel, r.after); got != r.want {
					t.Errorf("receive %d: got %v, want %v", i, got, r.want)
				}
			}
			if got := w.steps.Load(); got != tt.steps {
				t.Errorf("got %d steps, want %d", got, tt.steps)
			}
		})
	}
}

// However often the clock is set, little is remembered, and what is older is not guessed.
func TestWallClockForgets(t *testing.T) {
	const steps, every, by = 3 * keptOffsets, int64(time.Second), int64(time.Millisecond)
	w := clockAt(testWall)
	for i := range int64(steps) {
		w.look(reading{testWall + (i+1)*by, (i + 1) * every, 200})
	}
	if n := len(*w.offsets.Load()); n != keptOffsets || w.steps.Load() != steps {
		t.Errorf("%d offsets kept of %d steps, want %d of %d", n, w.steps.Load(), keptOffsets, steps)
	}
	for _, tt := range []struct {
		at   int64 // in steps
		want time.Duration
	}{{steps, 0}, {steps - 10, time.Duration(10 * every)}, {steps - keptOffsets - 1, noLag}, {1, noLag}} {
		made := tt.at*every + 1
		if got := w.place(steps*every+1, testWall+tt.at*by+made, 0); got != tt.want {
			t.Errorf("made after step %d: got %v, want %v", tt.at, got, tt.want)
		}
	}
}

// undisturbed tries until nothing is wrong, a few times at most: programs that keep the time of a virtual machine may set the clock
// during a try.
func undisturbed(t *testing.T, try func() (wrong string)) {
	t.Helper()
	var wrong string
	for range 5 {
		if wrong = try(); wrong == "" {
			return
		}
	}
	t.Error(wrong)
}

func TestWallClockReads(t *testing.T) {
	undisturbed(t, func() string {
		var w wallClock
		w.start(time.Now())
		begun := time.Now()
		kernel := begun.UnixNano()
		for range 10 {
			time.Sleep(50 * time.Microsecond)
			now := time.Now()
			if lag := w.lag(now, kernel, begun, begun); lag < 0 || apart(now.Add(-lag).UnixNano(), kernel) > int64(stepTolerance) {
				return fmt.Sprintf("at %v: got a lag of %v, which is %d ns; want the stamp %d", now, lag, now.Add(-lag).UnixNano(), kernel)
			}
		}
		if got := w.steps.Load(); got != 0 {
			return fmt.Sprintf("%d steps of a clock that nobody set", got)
		}
		w.offsets.Store(&[]*wallOffset{{value: w.current().value - int64(time.Hour)}}) // as if it had been set forward by an hour since
		for range 2 {
			now := time.Now()
			if lag := w.lag(now, now.UnixNano()-1000, begun, begun); lag < 0 || lag > stepTolerance || w.steps.Load() != 1 {
				return fmt.Sprintf("after the step: got %v, %d steps", lag, w.steps.Load())
			}
		}
		return ""
	})
}

// A thread that was interrupted between its readings of the two clocks has found no step, and its stamp counts.
func TestWallClockInterrupted(t *testing.T) {
	var w wallClock
	w.start(time.Now().Add(-time.Second))
	for _, off := range []time.Duration{time.Millisecond, -time.Millisecond, time.Hour} {
		now := time.Now()
		mono, kernel := int64(now.Sub(w.epoch)), now.UnixNano()-1000
		w.compare(now.Add(off).UnixNano(), mono)
		got := w.place(mono, kernel, 0)
		if got == noLag || apart(int64(got), 1000) > int64(closeReading) || w.steps.Load() != 0 {
			t.Errorf("%v off: got a lag of %v and %d steps, want 1 µs and none", off, got, w.steps.Load())
		}
	}
}
