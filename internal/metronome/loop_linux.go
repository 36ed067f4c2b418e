package metronome

import (
	"context"

	"golang.org/x/sys/unix"
)

const (
	// sendBatch is how many events may go out before sockets are looked at again.
	sendBatch = 64
	// acceptBatch is how many connections are accepted before events go out again.
	acceptBatch = 16
)

// loop is a server in a single goroutine, which owns all of it.
type loop struct {
	*server
	poll     *poller
	listener int
	// full is true while no connection is accepted, because this process may open no more files.
	full  bool
	conns map[int]*conn
	due   schedule[*conn]
	// buf is what is read into.
	buf []byte
}

// run serves until ctx ends.
func (p *loop) run(ctx context.Context) error {
	p.conns = map[int]*conn{}
	if err := p.poll.control(unix.EPOLL_CTL_ADD, p.listener, unix.EPOLLIN); err != nil {
		return err
	}
	for ctx.Err() == nil {
		left, waits := p.send()
		if waits {
			if err := p.poll.set(left); err != nil {
				return err
			}
		}
		ready, err := p.poll.wait(waits)
		if err != nil {
			return err
		}
		for i := range ready {
			if err := p.handle(&ready[i]); err != nil {
				return err
			}
			p.send() // a crowd of requests must not hold up the tokens
		}
	}
	return nil
}

func (p *loop) close() {
	for _, c := range p.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(p.listener)
	p.poll.close()
}

// send sends the tokens that are due. waits is false when there may be more of them; otherwise the next one is due in left
// nanoseconds, 0 for none.
func (p *loop) send() (left int64, waits bool) {
	for range sendBatch {
		due, ok := p.due.next()
		if !ok {
			return 0, true
		}
		now := p.clock.Now()
		if due > now {
			return due - now, true
		}
		p.tick(p.due.take(), now)
	}
	return 0, false
}

// tick sends the token of a connection's stream that is due.
func (p *loop) tick(c *conn, now int64) {
	if c.stream == nil {
		return // the client has left
	}
	st := c.stream
	if len(c.out) > 0 {
		st.truth.Buffered++
	}
	p.write(c, st.next(now))
	if c.closed {
		return
	}
	if !st.done() {
		p.due.again(st.due, c)
		return
	}
	p.write(c, st.end())
	c.stream = nil
	c.last = c.last || st.last
	p.proceed(c)
}

func (p *loop) handle(e *unix.EpollEvent) error {
	fd := int(e.Fd)
	if fd == p.listener {
		return p.accept()
	}
	c := p.conns[fd]
	if c == nil {
		return nil // the poller's own, or closed just now
	}
	if e.Events&unix.EPOLLOUT != 0 {
		p.flush(c)
	}
	if e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0 && !c.closed {
		p.read(c)
	}
	return nil
}

// accept takes connections. When the process may open no more files it goes on once one is closed.
func (p *loop) accept() error {
	for range acceptBatch {
		fd, _, err := unix.Accept4(p.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EMFILE, unix.ENFILE:
			p.full = true
			return p.poll.control(unix.EPOLL_CTL_DEL, p.listener, 0)
		default:
			return nil // nobody waits any more, or who waited has left
		}
		// Without it a token would wait for the acknowledgement of the one before.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := p.poll.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLRDHUP); err != nil {
			_ = unix.Close(fd)
			return err
		}
		p.conns[fd] = &conn{fd: fd}
	}
	return nil
}
