package client

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// setClockBy sets the wall clock of this machine.
func setClockBy(t *testing.T, by time.Duration) {
	sec, ns := int64(by/time.Second), int64(by%time.Second)
	if ns < 0 {
		sec, ns = sec-1, ns+int64(time.Second)
	}
	_, err := unix.ClockAdjtime(unix.CLOCK_REALTIME, &unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO, Time: unix.Timeval{Sec: sec, Usec: ns}})
	if errors.Is(err, unix.EPERM) {
		t.Skip("setting the clock takes CAP_SYS_TIME")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The clock is set back and forth 40 times, by half a millisecond as by programs that keep a virtual machine's time, while
// something comes every 2 ms: hardly a stamp is lost, and none is half a millisecond off.
func TestStampsWhileTheClockIsSet(t *testing.T) {
	if os.Getenv("SQZB_SET_CLOCK") == "" {
		t.Skip("it sets this machine's clock, back and forth by 0.5 ms; SQZB_SET_CLOCK=1 lets it")
	}
	probed(t)
	const step, steps, between = 500 * time.Microsecond, 40, 25
	near, k, e := serving(t)
	none, off := 0, 0
	for i := range steps * between {
		written := time.Now()
		if _, err := near.Write([]byte("event")); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		read := time.Now()
		switch got := e.latest(); {
		case got.lag == noLag:
			none++
		case got.at.Sub(written) < -closeReading || got.at.After(read):
			off++
			t.Logf("event %d: a stamp %v after it was written, which was read %v after", i, got.at.Sub(written), read.Sub(written))
		}
		time.Sleep(time.Millisecond)
		if i%between == between/2 {
			setClockBy(t, step-2*step*time.Duration(i/between%2))
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("%d of %d events without a stamp, %d steps found", none, steps*between, k.owner.wall.steps.Load())
	if got := k.owner.wall.steps.Load(); got < steps {
		t.Errorf("%d steps found, want %d", got, steps)
	}
	if off > 0 || none > steps/4 {
		t.Errorf("%d stamps are off, %d events have none", off, none)
	}
}
