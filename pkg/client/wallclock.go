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
	// stepTolerance and slewLimit bound how far the offset may move without a step: by preemption between the two readings
	// and, per nanosecond, by an adjustment of the clock's rate, which Linux limits to 500 ppm.
	stepTolerance = time.Millisecond
	slewLimit     = 0.0005
)

func (w *wallClock) start(now time.Time) {
	w.epoch = now
	w.stepped.Store(-1)
	w.offset.Store(now.UnixNano())
}

// lag is how long before now, a reading of both clocks, the kernel stamped what was received. It is noLag for a stamp that
// cannot be placed: one from after now or before a step of the wall clock, or one beside which the step is being found.
func (w *wallClock) lag(now time.Time, kernel int64) time.Duration {
	return w.place(now.UnixNano(), int64(now.Sub(w.epoch)), kernel)
}

// place is lag by numbers: nanoseconds since 1970, nanoseconds after epoch, and the stamp.
func (w *wallClock) place(wall, mono, kernel int64) time.Duration {
	if !w.steady(wall-mono, mono) || wall < kernel || mono-(wall-kernel) <= w.stepped.Load() {
		return noLag
	}
	return time.Duration(wall - kernel)
}

// steady reports whether the offset of the two clocks is what it was, and notes what it is: once a second, and at a step.
func (w *wallClock) steady(offset, mono int64) bool {
	before := w.offset.Load()
	moved := max(offset-before, before-offset)
	since := max(mono-w.seen.Load(), 0)
	steady := float64(moved) <= float64(stepTolerance)+slewLimit*float64(since)
	if steady && since < int64(time.Second) || !w.offset.CompareAndSwap(before, offset) {
		return steady
	}
	w.seen.Store(mono)
	if !steady {
		w.stepped.Store(mono)
		w.steps.Add(1)
	}
	return steady
}
