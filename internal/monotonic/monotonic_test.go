package monotonic

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestClock(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now()
	for range 10 {
		time.Sleep(time.Millisecond)
		var before, after unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &before); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &after); err != nil {
			t.Fatal(err)
		}
		const exact = 5_000
		if got := c.Nanoseconds(now); got < before.Nano()-exact || got > after.Nano()+exact {
			t.Errorf("got %d, want between %d and %d", got, before.Nano(), after.Nano())
		}
		if got, want := c.Nanoseconds(now)-c.Nanoseconds(past), int64(now.Sub(past)); got != want {
			t.Errorf("from %v to %v: got %d ns, want %d", past, now, got, want)
		}
	}
}
