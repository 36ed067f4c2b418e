package metronome

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// poller waits for sockets and for a time: epoll, a kernel timer that is exact to some microseconds, and an event by which another
// goroutine ends the wait.
type poller struct {
	epoll, timer, wake int
	events             [64]unix.EpollEvent
}

func newPoller() (*poller, error) {
	p := &poller{epoll: -1, timer: -1, wake: -1}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("creating an epoll: %w", err)
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		p.close()
		return nil, fmt.Errorf("creating a timer: %w", err)
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		p.close()
		return nil, fmt.Errorf("creating an event: %w", err)
	}
	// Edge-triggered, neither need be read: to set the timer again is to hear of it again.
	for _, fd := range []int{p.timer, p.wake} {
		if err := p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLET); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *poller) close() {
	for _, fd := range []int{p.wake, p.timer, p.epoll} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

func (p *poller) control(op, fd int, events uint32) error {
	if err := unix.EpollCtl(p.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("watching a socket: %w", err)
	}
	return nil
}

// interrupt ends the wait; it may be called by any goroutine while the poller is open.
func (p *poller) interrupt() {
	_, _ = unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// set lets the next wait end after so many nanoseconds; 0 or less for no bound.
func (p *poller) set(ns int64) error {
	if err := unix.TimerfdSettime(p.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(max(ns, 0))}, nil); err != nil {
		return fmt.Errorf("setting a timer: %w", err)
	}
	return nil
}

// wait returns what is ready, the poller's own included, good until the next call. Without block it only looks.
func (p *poller) wait(block bool) ([]unix.EpollEvent, error) {
	timeout := 0
	if block {
		timeout = -1
	}
	n, err := unix.EpollWait(p.epoll, p.events[:], timeout)
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for sockets: %w", err)
	}
	return p.events[:n], nil
}
