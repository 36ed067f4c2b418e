package client

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// wallClock places the kernel's receive stamps, which are by CLOCK_REALTIME, on the monotonic clock of everything else. The two
// clocks are slewed as one and lie apart by an offset that changes only when the wall clock is set (man clock_gettime), as programs
// that keep a virtual machine's time do in many small steps. Both are read at each receive to see whether it was; who is told of it
// earlier calls check. It is ready once start was called, and safe for concurrent use.
type wallClock struct {
	epoch time.Time
	// offsets are those that there were, oldest first, the current one last; at least one. A slice that is in here does not change.
	offsets atomic.Pointer[[]*wallOffset]
	// steps counts the changes; finding is held by who looks for one.
	steps   atomic.Int64
	finding sync.Mutex
}

// wallOffset is wall − monotonic between two steps, in nanoseconds, monotonic being counted from the wallClock's epoch. It was the
// offset from found until seen for certain, and may have been so from the seen of the one before it until the found of the one
// after it.
type wallOffset struct {
	value, found int64
	seen         atomic.Int64
}

const (
	// stepTolerance is by how much the offset may seem to have changed before it is looked at closely, and the smallest step.
	stepTolerance = 20 * time.Microsecond
	// closeReading is how long a reading of both clocks may take to be believed at once. Of a thread that was interrupted
	// between the two, or a virtual machine that was, the reading is off by as long as that took.
	closeReading = 5 * time.Microsecond
	// clockReadings are taken at most to get a close one.
	clockReadings = 16
	// keptOffsets bounds what is remembered. A stamp from before that is none.
	keptOffsets = 64
)

// reading is one of both clocks: the offset, give or take width, at mono nanoseconds after epoch.
type reading struct{ offset, mono, width int64 }

func (w *wallClock) start(now time.Time) {
	w.epoch = now
	r := w.read()
	w.offsets.Store(&[]*wallOffset{{value: r.offset}})
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

// lag is how long before now, which was just read, the kernel stamped what was received. It came after latest, or, if it cannot have
// (what was behind a segment that was sent again), at least after begun. It is noLag for a stamp that cannot be placed: 0, which is
// none, or one that no offset puts between begun and now, or more than one.
func (w *wallClock) lag(now time.Time, kernel int64, latest, begun time.Time) time.Duration {
	mono := int64(now.Sub(w.epoch))
	w.compare(now.UnixNano(), mono)
	lag := w.place(mono, kernel, int64(latest.Sub(w.epoch)))
	if lag == noLag {
		lag = w.place(mono, kernel, int64(begun.Sub(w.epoch)))
	}
	return lag
}

// compare looks whether a reading of both clocks has the current offset, and looks closely where not.
func (w *wallClock) compare(wall, mono int64) {
	current := w.current()
	if apart(wall-mono, current.value) <= int64(stepTolerance) {
		current.seen.Store(mono) // not always the latest, where two do it at once; one that is too early does no harm
		return
	}
	w.check()
}

// check reads both clocks and takes note of a step.
func (w *wallClock) check() {
	w.finding.Lock()
	defer w.finding.Unlock()
	w.look(w.read())
}

// look finds a step: an offset that is another one, however inexact the reading.
func (w *wallClock) look(r reading) {
	if apart(r.offset, w.current().value) <= int64(stepTolerance)+r.width {
		return
	}
	next := &wallOffset{value: r.offset, found: r.mono}
	next.seen.Store(r.mono)
	kept := *w.offsets.Load()
	kept = kept[max(len(kept)+1-keptOffsets, 0):]
	kept = append(append(make([]*wallOffset, 0, len(kept)+1), kept...), next)
	w.offsets.Store(&kept)
	w.steps.Add(1)
}

func (w *wallClock) current() *wallOffset {
	all := *w.offsets.Load()
	return all[len(all)-1]
}

// place is lag by numbers: the instants in nanoseconds after epoch, and the stamp. Each offset is known to closeReading, as it was
// taken, and so is where a stamp falls.
func (w *wallClock) place(mono, kernel, after int64) time.Duration {
	if kernel == 0 {
		return noLag
	}
	all := *w.offsets.Load()
	lag := noLag
	until := int64(math.MaxInt64 - closeReading)
	for i := len(all) - 1; i >= 0 && until >= after; i-- {
		from := all[i].found
		if i > 0 {
			from = all[i-1].seen.Load()
		}
		at := kernel - all[i].value
		if at+int64(closeReading) >= max(from, after) && at-int64(closeReading) <= min(until, mono) {
			if lag != noLag {
				return noLag
			}
			lag = time.Duration(max(mono-at, 0))
		}
		until = all[i].found
	}
	return lag
}

func apart(a, b int64) int64 { return max(a-b, b-a) }
