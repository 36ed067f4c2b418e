package telemetry

import (
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// SelfUse is what this process used of the machine, and what it had to wait for, while it was watched. What the system does
// not tell is nil.
type SelfUse struct {
	Wall time.Duration
	// CPU is user and system time of all threads.
	CPU time.Duration
	// Waits is how threads that were ready to run waited for a processor.
	Waits *Waits
	// GCs counts garbage collections; GCPause is how long all of them stopped the program together, GCPauseMax the longest one.
	GCs                 int
	GCPause, GCPauseMax time.Duration
	// Busy is the share of the time of the processors that this process may use, from 0 to 1, in which anybody used them.
	Busy *float64
	// Steal is the share of the machine's processor time, from 0 to 1, that the host of a virtual machine gave to others.
	Steal *float64
	// Retransmits counts the TCP segments that this machine sent again, whoever sent them.
	Retransmits *int
	// Wakes are how late this program was woken, each time it slept a few milliseconds; empty unless asked for.
	Wakes []time.Duration
}

// SelfWatch watches this process between WatchSelf and Stop.
type SelfWatch struct {
	root   fs.FS
	before selfReading
	wakes  *wakeWatch
}

// selfReading is one reading of counters that grow.
type selfReading struct {
	at     time.Time
	cpu    time.Duration
	gc     debug.GCStats
	waited map[string]Waits // by thread; nil where the system does not tell
	ticks  ticks
	resent *int
}

// WatchSelf begins to watch. With wakes, the lateness of waking up is sampled too, which stands for what happens to every
// event where the kernel does not stamp them.
func WatchSelf(wakes bool) *SelfWatch {
	w := &SelfWatch{root: os.DirFS("/")}
	if wakes {
		w.wakes = watchWakes()
	}
	w.before = readSelf(w.root)
	return w
}

// Stop ends the watch, which must not be stopped twice.
func (w *SelfWatch) Stop() SelfUse {
	use := used(w.before, readSelf(w.root))
	if w.wakes != nil {
		use.Wakes = w.wakes.stop()
	}
	return use
}

func readSelf(root fs.FS) selfReading {
	r := selfReading{at: time.Now(), cpu: cpuTime(), waited: readWaits(root), ticks: readTicks(root), resent: readResent(root)}
	debug.ReadGCStats(&r.gc)
	return r
}

// cpuTime is user and system time of this process; 0 where the system does not tell.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// used is what lies between two readings.
func used(before, after selfReading) SelfUse {
	u := SelfUse{Wall: after.at.Sub(before.at), CPU: after.cpu - before.cpu, Waits: waited(before.waited, after.waited),
		Busy: share(before.ticks.own, after.ticks.own), Steal: share(before.ticks.stolen, after.ticks.stolen), GCs: int(after.gc.NumGC - before.gc.NumGC),
		GCPause: after.gc.PauseTotal - before.gc.PauseTotal}
	for i := range min(u.GCs, len(after.gc.Pause)) { // the newest first
		u.GCPauseMax = max(u.GCPauseMax, after.gc.Pause[i])
	}
	if before.resent != nil && after.resent != nil && *after.resent >= *before.resent {
		n := *after.resent - *before.resent
		u.Retransmits = &n
	}
	return u
}
