package client

import (
	"sync/atomic"
	"time"
)

// wallClock places the kernel's receive stamps, which are by CLOCK_REALTIME, on the monotonic clock of everything else. The two
// clocks are slewed as one and lie apart by an offset that changes only when the wall clock is set (man clock_gettime); both are
// read at each receive to see whether it was. It is ready once start was called, and safe for concurrent use.
type wallClock struct {
	epoch time.Time
	// offset is wall − monotonic, in nanoseconds, monotonic being counted from epoch.
	offset atomic.Int64
	// stepped is when the latest step was found, in nanoseconds after epoch; steps counts them.
	stepped, steps atomic.Int64
}

const (
	// stepTolerance is by how much the offset may seem to have changed before it is looked at closely, and the smallest step.
	stepTolerance = 100 * time.Microsecond
	// closeReading is how long a reading of both clocks may take to be believed at once. Of a thread that was interrupted
	// between the two, or a virtual machine that was, the reading is off by as long as that took.
	closeReading = 5 * time.Microsecond
	// clockReadings are taken at most to get a close one.
	clockReadings = 16
)

// reading is one of both clocks: the offset, give or take width, at mono nanoseconds after epoch.
type reading struct{ offset, mono, width int64 }

func (w *wallClock) start(now time.Time) {
	w.epoch = now
	w.stepped.Store(-1)
	w.offset.Store(w.read().offset)
}

// read reads both clocks until it took no longer than closeReading, and gives the best reading that it got.
func (w *wallClock) read() reading {
	var best reading
	for try := range clockReadings {
		before := time.Since(w.epoch)
		now := time.Now()
		width := time.Since(w.epoch) - before
		if mono := now.Sub(w.epoch); try == 0 || int64(width) < best.width {
			best = reading{now.UnixNano() - int64(mono), int64(mono), int64(width)}
		}
		if width <= closeReading {
			break
		}
	}
	return best
}

// lag is how long before now, which was just read, the kernel stamped what was received. It is noLag for a stamp that cannot be
// placed: 0, which is none, one that is later than now or earlier than a step of the wall clock, or one beside which the step
// is being found.
func (w *wallClock) lag(now time.Time, kernel int64) time.Duration {
	return w.lagAt(now.UnixNano(), int64(now.Sub(w.epoch)), kernel)
}

// lagAt is lag with the two clocks' readings that now is made of.
func (w *wallClock) lagAt(wall, mono, kernel int64) time.Duration {
	if apart(wall-mono, w.offset.Load()) > int64(stepTolerance) {
		w.look(w.read())
	}
	return w.place(mono, kernel)
}

// look finds a step: an offset that is another one, however inexact the reading. Of many who find a step at once one does it.
func (w *wallClock) look(r reading) {
	before := w.offset.Load()
	if apart(r.offset, before) <= int64(stepTolerance)+r.width {
		return
	}
	w.stepped.Store(r.mono)
	if w.offset.CompareAndSwap(before, r.offset) {
		w.steps.Add(1)
	}
}

// place is lag by numbers: the instant of the reading, in nanoseconds after epoch, and the stamp. The offset is known to
// closeReading, as it was taken, by which a stamp may seem to be later than its reading.
func (w *wallClock) place(mono, kernel int64) time.Duration {
	at := kernel - w.offset.Load()
	if kernel == 0 || at <= w.stepped.Load() || at-mono > int64(closeReading) {
		return noLag
	}
	return time.Duration(max(mono-at, 0))
}

func apart(a, b int64) int64 { return max(a-b, b-a) }
