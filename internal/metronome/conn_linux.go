package metronome

import (
	"net/http"

	"golang.org/x/sys/unix"
)

// conn is a connection. It reads requests while no stream is being sent on it.
type conn struct {
	fd int
	// in is what has been read of requests that are not whole, or have to wait for the stream to end.
	in []byte
	// out is what the socket did not take yet; more waits behind it.
	out []byte
	// stream is what is being sent, nil for none.
	stream *stream
	// last is true when the connection is to be closed once out is empty and no stream is left.
	last bool
	// closed is true once the descriptor is.
	closed bool
}

// read takes what has come. The end of what comes is the end of the connection: no client of this protocol stops sending before
// it has its response.
func (p *loop) read(c *conn) {
	n, err := unix.Read(c.fd, p.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0 || len(c.in)+n > maxRequest+maxHead:
		p.drop(c)
		return
	}
	if len(c.in) > 0 || c.stream != nil {
		c.in = append(c.in, p.buf[:n]...)
		p.proceed(c)
		return
	}
	p.take(c, p.buf[:n])
}

// proceed goes on with what has been read before.
func (p *loop) proceed(c *conn) {
	in := c.in
	c.in = nil
	p.take(c, in)
}

// take answers the requests in b until one of them is a stream, and keeps a copy of what is left, if b is not the connection's own.
func (p *loop) take(c *conn, b []byte) {
	for c.stream == nil && !c.closed {
		if c.last {
			p.finish(c)
			return
		}
		r, n, err := parse(b)
		if err != nil {
			c.last = true
			p.write(c, refusal(err))
			continue
		}
		if n == 0 {
			break
		}
		p.respond(c, r)
		b = b[n:]
	}
	if len(b) > 0 && !c.closed {
		c.in = append([]byte(nil), b...)
	}
}

// respond answers a request or begins a stream.
func (p *loop) respond(c *conn, r request) {
	if r.path != completionsPath || r.method != http.MethodPost {
		c.last = r.last
		p.write(c, p.answer(r))
		return
	}
	st, err := p.begin(r)
	if err != nil {
		c.last = r.last
		p.write(c, refusal(err))
		return
	}
	p.write(c, streamHead())
	if !c.closed {
		c.stream = st
		p.due.begin(st.due, c)
	}
}

// write sends b, or as much of it as the socket takes now, and the rest when it can.
func (p *loop) write(c *conn, b []byte) {
	if c.closed {
		return
	}
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return
	}
	n, err := unix.Write(c.fd, b)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		p.drop(c)
		return
	}
	if n = max(n, 0); n < len(b) {
		c.out = append(c.out, b[n:]...)
		p.watch(c, unix.EPOLLOUT)
	}
}

// flush sends what waits.
func (p *loop) flush(c *conn) {
	n, err := unix.Write(c.fd, c.out)
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		p.drop(c)
		return
	}
	if c.out = c.out[max(n, 0):]; len(c.out) > 0 {
		return
	}
	c.out = nil
	p.watch(c, 0)
	if c.last && c.stream == nil {
		p.drop(c)
	}
}

// watch says what is of interest besides what comes.
func (p *loop) watch(c *conn, more uint32) {
	if err := p.poll.control(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN|unix.EPOLLRDHUP|more); err != nil {
		p.drop(c)
	}
}

// finish closes a connection as soon as all has been sent.
func (p *loop) finish(c *conn) {
	if len(c.out) == 0 {
		p.drop(c)
	}
}

// drop closes a connection; its stream, if any, is cut.
func (p *loop) drop(c *conn) {
	if c.closed {
		return
	}
	c.closed, c.stream, c.in, c.out = true, nil, nil, nil
	delete(p.conns, c.fd)
	_ = unix.Close(c.fd)
	if p.full {
		// Another one can be accepted in its place; that it cannot be watched for would come up again.
		p.full = p.poll.control(unix.EPOLL_CTL_ADD, p.listener, unix.EPOLLIN) != nil
	}
}
