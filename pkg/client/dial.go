package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// openEvery and openBatch pace Open at 5,000 connections a second, which an accepting event loop keeps up with: beyond
	// its backlog a connection waits a second for the next SYN.
	openEvery = 10 * time.Millisecond
	openBatch = 50
	// openAtOnce bounds the dials in flight.
	openAtOnce = 64
	// receiveBuffer is how many bytes the system is asked to keep of a connection that is not read, which it grants up to a limit of
	// its own (Linux: net.core.rmem_max). With what it has by default, a stream that is not read for some hundred tokens closes
	// its window, and the server's next bytes come, and are stamped, only when it was read.
	receiveBuffer = 4 << 20
)

// dialFunc is net.Dialer.DialContext or a test's.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// waiting holds connections that were opened before the clock started and have not been used.
type waiting struct {
	mu     sync.Mutex
	conns  []*conn
	closed bool
}

// put keeps a connection, or closes it when nobody will take it any more.
func (w *waiting) put(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		c.Close()
		return
	}
	w.conns = append(w.conns, c)
}

// take returns a connection that is still good, or nil.
func (w *waiting) take() *conn {
	for {
		c := w.pop()
		if c == nil || c.alive() {
			return c
		}
		c.Close()
	}
}

func (w *waiting) pop() *conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.conns) == 0 {
		return nil
	}
	last := len(w.conns) - 1
	c := w.conns[last]
	w.conns = w.conns[:last]
	return c
}

func (w *waiting) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	for c := w.pop(); c != nil; c = w.pop() {
		c.Close()
	}
}

// dialWaiting hands out an opened connection, or dials when none is left.
func (c *Client) dialWaiting(ctx context.Context, network, address string) (net.Conn, error) {
	if opened := c.waiting.take(); opened != nil {
		return opened, nil
	}
	return c.dialNew(ctx, network, address)
}

func (c *Client) dialNew(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.connections.Add(1)
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(receiveBuffer) // a connection with less is used all the same
	}
	opened := &conn{Conn: raw, owner: c}
	if c.probe != nil {
		// A connection without stamps is used all the same; its chunks are then counted as unstamped.
		opened.stamps, _ = newStampReader(raw)
	}
	return opened, nil
}

// Open opens n more connections, which the next n requests that need a new one use. They are plain TCP connections on
// which nothing has been sent, so they leave no trace in the server's counters; uvicorn's 5 s for idle connections begin
// with the first response, and one that the server closed anyway is noticed and replaced. When a connection cannot be
// opened, Open says at which one and keeps those it has.
func (c *Client) Open(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tick := time.NewTicker(openEvery)
	defer tick.Stop()
	slots := make(chan struct{}, openAtOnce)
	var dials sync.WaitGroup
	for i := range n {
		if i > 0 && i%openBatch == 0 {
			<-tick.C
		}
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		dials.Go(func() {
			defer func() { <-slots }()
			if err := c.openOne(ctx); err != nil {
				cancel(fmt.Errorf("opening connection %d of %d: %w", i+1, n, err))
			}
		})
	}
	dials.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (c *Client) openOne(ctx context.Context) error {
	dialled, err := c.dialNew(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	opened, ok := dialled.(*conn)
	if !ok {
		return errors.New("not a connection of this client")
	}
	opened.waiting = true
	c.waiting.put(opened)
	return nil
}
