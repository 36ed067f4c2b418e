package client

import (
	"errors"
	"math"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// clockWatch waits for the wall clock to be set.
type clockWatch struct {
	timer   *os.File
	waiting sync.WaitGroup
}

// watchClock calls set right after each time that the wall clock was set, until the watch is closed: by a timer that ends when
// that happens (man timerfd_create, TFD_TIMER_CANCEL_ON_SET). The error is that the kernel has no such timer, or none left.
func watchClock(set func()) (*clockWatch, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("timerfd_settime", err)
	}
	w := &clockWatch{timer: os.NewFile(uintptr(fd), "timerfd")}
	w.waiting.Go(func() { w.wait(set) })
	return w, nil
}

// wait returns when the watch is closed. After a read that told of a set clock, or of 2038, the timer waits for the next time.
func (w *clockWatch) wait(set func()) {
	var expirations [8]byte
	for {
		if _, err := w.timer.Read(expirations[:]); err != nil && !errors.Is(err, syscall.ECANCELED) {
			return
		}
		set()
	}
}

// close ends the watch; set is not called any more when it has returned.
func (w *clockWatch) close() {
	w.timer.Close()
	w.waiting.Wait()
}
