package metronome

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// plain serves with a goroutine for each connection, which any system can.
type plain struct {
	*server
	ctx context.Context
}

// servePlain serves until ctx ends, and closes the listener and every connection.
func servePlain(ctx context.Context, l net.Listener, o Options) ([]*Request, error) {
	defer l.Close()
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &plain{server: s, ctx: ctx}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var serving sync.WaitGroup
	var failed error
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				failed = fmt.Errorf("accepting connections: %w", err)
			}
			break
		}
		serving.Go(func() { p.serve(c) })
	}
	cancel()
	serving.Wait()
	return p.truth.all(), failed
}

// serve answers what comes on a connection, and closes it.
func (p *plain) serve(c net.Conn) {
	stop := context.AfterFunc(p.ctx, func() { c.Close() })
	defer stop()
	defer c.Close()
	var in []byte
	buf := make([]byte, readSize)
	for {
		r, n, err := parse(in)
		if err != nil {
			_, _ = c.Write(refusal(err)) // the connection ends here in any case
			return
		}
		if n > 0 {
			if err := p.respond(c, r); err != nil || r.last {
				return
			}
			in = append([]byte(nil), in[n:]...)
			continue
		}
		got, err := c.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:got]...)
	}
}

// respond answers one request; an error is a connection that is of no use any more.
func (p *plain) respond(c net.Conn, r request) error {
	if r.path != completionsPath || r.method != http.MethodPost {
		_, err := c.Write(p.answer(r))
		return err
	}
	st, err := p.begin(r)
	if err != nil {
		_, err := c.Write(refusal(err))
		return err
	}
	if _, err := c.Write(streamHead()); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !st.done() {
		if err := p.wait(timer, time.Duration(st.due-p.clock.Now())); err != nil {
			return err
		}
		if _, err := c.Write(st.next(p.clock.Now())); err != nil {
			return err
		}
	}
	_, err = c.Write(st.end())
	return err
}

// wait waits so long; an error is the end of the server.
func (p *plain) wait(timer *time.Timer, left time.Duration) error {
	if left > 0 {
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		}
	}
	return p.ctx.Err()
}
