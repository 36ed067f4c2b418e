package client

import (
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a connection that tells the request it serves when bytes went out and came in.
type conn struct {
	net.Conn
	// stamps reads with the kernel's receive stamps; nil where they are not used. owner counts, and knows the clocks.
	stamps *stampReader
	owner  *Client
	// waiting is true for a connection that was opened before the clock started: like one that served a request before,
	// it may have been closed by the server since.
	waiting bool
	serves  atomic.Pointer[exchange]
}

func (c *conn) Write(p []byte) (int, error) {
	e := c.serves.Load()
	if e == nil {
		return c.Conn.Write(p)
	}
	e.writes.Lock()
	defer e.writes.Unlock()
	if e.begun == 0 {
		e.begun = e.clock()
	}
	n, err := c.Conn.Write(p)
	if n > 0 {
		e.wrote = e.clock()
	}
	e.unwritten = e.unwritten || err != nil
	return n, err
}

// Read stamps what it has read: of the bytes that one Read gives, all share one stamp.
func (c *conn) Read(p []byte) (int, error) {
	var n int
	var kernel int64
	var err error
	if c.stamps == nil {
		n, err = c.Conn.Read(p)
	} else {
		n, kernel, err = c.stamps.read(p)
	}
	if e := c.serves.Load(); e != nil && n > 0 {
		now := time.Now()
		latest := e.epoch.Add(time.Duration(e.at.Load()))
		e.arrived(now, c.owner.wall.lag(now, kernel, latest, e.epoch))
	}
	return n, err
}

// alive reports whether the server has neither closed the idle connection nor sent anything on it.
func (c *conn) alive() bool {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var peek error
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, peek = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (peek == syscall.EAGAIN || peek == syscall.EINTR)
}

// exchange collects the instants of one request that are seen below the reader, by the transport's own goroutines: as
// nanoseconds after epoch, 0 for not reached.
type exchange struct {
	epoch time.Time
	// writes is held during a write, so that who reads an answer before the writer came back from its write waits for it.
	writes sync.Mutex
	// begun is before the first write, wrote after the latest one that wrote a byte; unwritten is true when one failed.
	begun, wrote int64
	unwritten    bool

	// encoded is true when the transport has put the whole request into its buffer.
	encoded atomic.Bool
	headers atomic.Int64
	// at and lag are those of the latest read, the reads-th one. One goroutine reads at a time, but the transport's own may
	// be the last to.
	at, lag, reads atomic.Int64
	// reused is true when the connection was not dialled for this request.
	reused atomic.Bool
}

// newExchange starts an exchange. The epoch lies before now, so that no instant is 0.
func newExchange() *exchange { return &exchange{epoch: time.Now().Add(-1)} }

func (e *exchange) clock() int64 { return int64(time.Since(e.epoch)) }

// arrived takes note of a read at now whose bytes the kernel had lag before; noLag where that is not known. A segment that was
// sent again comes after those behind it, which can be read only then: nothing came before what is in front of it. A stamp from
// before the request began is none.
func (e *exchange) arrived(now time.Time, lag time.Duration) {
	user := int64(now.Sub(e.epoch))
	at := user
	if lag != noLag && user-int64(lag) > 0 {
		at = max(user-int64(lag), e.at.Load())
		lag = time.Duration(user - at)
	} else {
		lag = noLag
	}
	e.at.Store(at)
	e.lag.Store(int64(lag))
	e.reads.Add(1)
}

// latest is the latest arrival.
func (e *exchange) latest() arrival {
	return arrival{at: e.instant(e.at.Load()), lag: time.Duration(e.lag.Load()), read: e.reads.Load()}
}

// instant turns a stamp back into a time; zero for one that was not reached.
func (e *exchange) instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return e.epoch.Add(time.Duration(ns))
}

// stamp puts the instants into the result. Sent is left zero when no byte could be written. It must not be called while the
// transport may still wait for the server to read.
func (e *exchange) stamp(r *Result) {
	r.Headers = e.instant(e.headers.Load())
	e.writes.Lock()
	defer e.writes.Unlock()
	if e.wrote == 0 {
		return
	}
	r.Sent = e.instant(e.begun)
	if e.encoded.Load() && !e.unwritten {
		r.Written = e.instant(e.wrote)
		// The writer may be scheduled again only after the answer is here; what has been answered had been written.
		if !r.Headers.IsZero() && r.Headers.Before(r.Written) {
			r.Written = r.Headers
		}
	}
}

func (e *exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if c, ok := info.Conn.(*conn); ok {
				e.reused.Store(info.Reused || c.waiting)
				c.serves.Store(e)
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			// This comes before the buffer is flushed, so it says that the next write is the last but not when.
			if info.Err == nil {
				e.encoded.Store(true)
			}
		},
		GotFirstResponseByte: func() { e.headers.Store(e.at.Load()) },
	}
}
