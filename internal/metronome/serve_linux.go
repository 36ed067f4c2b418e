package metronome

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted.
const backlog = 16 << 10

// Serve serves until ctx ends and returns what it sent. It closes the listener. Streams that are under way are cut then.
func Serve(ctx context.Context, l net.Listener, o Options) ([]*Request, error) {
	defer l.Close()
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	fd, err := duplicate(l)
	if err != nil {
		return nil, err
	}
	// Clients open all their connections at once; the system's own limit (net.core.somaxconn) still holds.
	if err := unix.Listen(fd, backlog); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listening: %w", err)
	}
	// The duplicate goes on listening; this takes the socket away from the runtime's own poller.
	l.Close()
	poll, err := newPoller()
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	p := &loop{server: s, poll: poll, listener: fd, buf: make([]byte, readSize)}
	defer p.close()
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		poll.interrupt()
	})
	err = p.run(ctx)
	if !stop() {
		<-interrupted // it still uses the poller
	}
	return p.truth.all(), err
}

// duplicate returns a descriptor of its own of a listener's socket, non-blocking as that one is.
func duplicate(l net.Listener) (int, error) {
	s, ok := l.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("listening: got a %T, want one with a socket", l)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("listening: %w", err)
	}
	fd, dup := -1, error(nil)
	err = raw.Control(func(own uintptr) { fd, dup = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dup
	}
	if err != nil {
		return -1, fmt.Errorf("listening: %w", err)
	}
	return fd, nil
}
