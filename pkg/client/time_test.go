package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inMemory connects a client to a function in its bubble of time, one call per connection.
func inMemory(t *testing.T, serve func(net.Conn)) *Client {
	var served sync.WaitGroup
	t.Cleanup(served.Wait)
	c := newClient(t, "http://server")
	c.dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		served.Go(func() { serve(far) })
		return near, nil
	}
	return c
}

// respond reads one request and writes an answer in pieces with pauses.
func respond(c net.Conn, pause time.Duration, pieces ...string) {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	io.Copy(io.Discard, req.Body)
	for i, piece := range pieces {
		if i > 0 {
			<-time.After(pause)
		}
		io.WriteString(c, piece)
	}
}

const streamHeader = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10000\r\n\r\n"

// Time in a bubble stands still unless everybody waits, so stamps are exact.
func TestStampsAreThoseOfTheReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := inMemory(t, func(conn net.Conn) {
			defer conn.Close()
			respond(conn, 20*time.Millisecond, streamHeader, first, first+first, first[:10], first[10:]+second, counts, end)
		})
		got := c.Complete(t.Context(), request(5), nil)
		want := []time.Duration{20 * time.Millisecond, 0, 40 * time.Millisecond, 0}
		if got.FirstToken.Sub(start) != 20*time.Millisecond || got.LastToken.Sub(start) != 80*time.Millisecond || got.Done.Sub(start) != 120*time.Millisecond {
			t.Errorf("first %v, last %v, done %v", got.FirstToken.Sub(start), got.LastToken.Sub(start), got.Done.Sub(start))
		}
		if len(got.ChunkDeltas) != len(want) {
			t.Fatalf("gaps: got %v, want %v", got.ChunkDeltas, want)
		}
		if got.Coalesced != 2 { // the second of two in one read, and the one after the second half of another
			t.Errorf("coalesced: got %d, want 2", got.Coalesced)
		}
		for i := range want {
			if got.ChunkDeltas[i] != want[i] {
				t.Errorf("gap %d: got %v, want %v", i, got.ChunkDeltas[i], want[i])
			}
		}
	})
}

// A server that keeps the body open after [DONE] delays its own connection's reuse by a second, and no stamp.
func TestBodyThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		hold := make(chan struct{})
		c := inMemory(t, func(conn net.Conn) {
			respond(conn, 0, streamHeader, first+second+counts+end)
			<-hold
			conn.Close()
		})
		got := c.Complete(t.Context(), request(2), nil)
		if got.ErrorClass == ErrCancelled || got.Chunks != 2 || got.Done.Sub(start) != 0 {
			t.Errorf("got %s: %s, %d chunks, done after %v", got.ErrorClass, got.Error, got.Chunks, got.Done.Sub(start))
		}
		if took := time.Since(start); took != drainTimeout {
			t.Errorf("took %v, want %v", took, drainTimeout)
		}
		close(hold)
	})
}

// A generation may take hours.
func TestNoResponseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inMemory(t, func(conn net.Conn) {
			defer conn.Close()
			respond(conn, 30*time.Hour, streamHeader, first, second, counts+end)
		})
		if got := c.Complete(t.Context(), request(2), nil); got.ErrorClass != "" || got.ChunkDeltas[0] != 30*time.Hour {
			t.Errorf("got %s: %s, gaps %v", got.ErrorClass, got.Error, got.ChunkDeltas)
		}
	})
}

func TestCancelledKeepsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := inMemory(t, func(conn net.Conn) {
			defer conn.Close()
			respond(conn, time.Minute, streamHeader, first, second)
		})
		ctx, cancel := withCause(t)
		time.AfterFunc(90*time.Second, func() { cancel(errors.New("the server's process ended: exit status 1")) })
		got := c.Complete(ctx, request(2), nil)
		if got.ErrorClass != ErrCancelled || got.Error != "the server's process ended: exit status 1" || got.Chunks != 1 {
			t.Errorf("got %s: %s, %d chunks", got.ErrorClass, got.Error, got.Chunks)
		}
		if got.LastToken.Sub(start) != time.Minute || got.Done.Sub(start) != 90*time.Second {
			t.Errorf("last token after %v, done after %v", got.LastToken.Sub(start), got.Done.Sub(start))
		}
		ordered(t, got.Sent, got.Headers, got.FirstToken, got.LastToken, got.Done)
		if got := c.Complete(ctx, request(2), nil); got.ErrorClass != ErrCancelled || !got.Sent.IsZero() {
			t.Errorf("cancelled before: got %s, sent %v", got.ErrorClass, got.Sent)
		}
	})
}
