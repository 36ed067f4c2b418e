package telemetry

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepUntil sleeps in the kernel; a signal may end it early.
func sleepUntil(until time.Time) {
	if left := time.Until(until); left > 0 {
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil)
	}
}
