package client

import (
	"sync/atomic"
	"time"
)

// wallClock ties the kernel's receive stamps, which are by CLOCK_REALTIME, to the monotonic clock of everything else. Both
// clocks are read together at each receive, so a stamp's distance from that reading is the same on either; what it has to
// find out is whether the wall clock was set in between. The zero value is ready once start was called. It is safe for
// concurrent use.
type wallClock struct {
	epoch time.Time
	// offset is wall − monotonic in nanoseconds as last seen, at seen nanoseconds after epoch.
	offset, seen atomic.Int64
	// stepped is when the latest step was found, in nanoseconds after epoch; steps counts them.
	stepped, steps atomic.Int64
}

const (
	// stepTolerance and slewLimit bound how far the offset may move without a step: by what lies between the two readings and,
	// per nanosecond, by an adjustment of the clock's rate, which Linux limits to 500 ppm.
	stepTolerance = 100 * time.Microsecond
	slewLimit     = 0.0005
	// clockReadings are taken at most to tell a step from a thread that was interrupted between its readings of the two clocks,
	// or a virtual machine that was.
	clockReadings = 4
)

func (w *wallClock) start(now time.Time) {
	w.epoch = now
	w.stepped.Store(-1)
	w.offset.Store(now.UnixNano())
}

// lag takes both clocks together, and returns that reading and how long before it the kernel stamped what was received. It is
// noLag for a stamp that cannot be placed: 0, which is none, one that is later than the reading or earlier than a step of the
// wall clock, or one beside which the step is being found.
func (w *wallClock) lag(kernel int64) (now time.Time, lag time.Duration) {
	steady := false
	for try := 0; try < clockReadings && !steady; try++ {
		now = time.Now()
		steady = w.steady(now.UnixNano(), int64(now.Sub(w.epoch)))
	}
	wall, mono := now.UnixNano(), int64(now.Sub(w.epoch))
	if !steady {
		w.step(wall, mono)
		return now, noLag
	}
	return now, w.place(wall, mono, kernel)
}

// place is lag by numbers: nanoseconds since 1970, nanoseconds after epoch, and the stamp.
func (w *wallClock) place(wall, mono, kernel int64) time.Duration {
	if kernel == 0 || wall < kernel || mono-(wall-kernel) <= w.stepped.Load() {
		return noLag
	}
	return time.Duration(wall - kernel)
}

// steady reports whether the offset of the two clocks is what it was, and notes what it is once a second.
func (w *wallClock) steady(wall, mono int64) bool {
	before, offset := w.offset.Load(), wall-mono
	since := max(mono-w.seen.Load(), 0)
	if moved := max(offset-before, before-offset); float64(moved) > float64(stepTolerance)+slewLimit*float64(since) {
		return false
	}
	if since >= int64(time.Second) && w.offset.CompareAndSwap(before, offset) {
		w.seen.Store(mono)
	}
	return true
}

// step takes the new offset for the one that holds from here on. Of many who find a step at once one does it.
func (w *wallClock) step(wall, mono int64) {
	before, offset := w.offset.Load(), wall-mono
	if max(offset-before, before-offset) <= int64(stepTolerance) || !w.offset.CompareAndSwap(before, offset) {
		return
	}
	w.seen.Store(mono)
	w.stepped.Store(mono)
	w.steps.Add(1)
}
