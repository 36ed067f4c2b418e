package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// counted serves a small answer and counts connections and requests.
type counted struct {
	*httptest.Server
	connections, requests atomic.Int64
	opened                chan struct{}
}

func newCounted(t *testing.T, handler http.HandlerFunc) *counted {
	t.Helper()
	s := &counted{opened: make(chan struct{}, 1000)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		io.Copy(io.Discard, r.Body)
		handler(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
			s.opened <- struct{}{}
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func answered(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, first+second+counts+end)
}

func TestOpenedConnectionsAreUsed(t *testing.T) {
	const n = 12
	var arrived sync.WaitGroup
	arrived.Add(n)
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		// All requests are in flight at once, so each needs a connection of its own.
		arrived.Done()
		arrived.Wait()
		answered(w, r)
	})
	c := newClient(t, s.URL)
	if err := c.Open(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	for range n {
		<-s.opened
	}
	var requests sync.WaitGroup
	for range n {
		requests.Go(func() {
			if got := c.Complete(t.Context(), request(2), nil); got.ErrorClass != "" || got.Resent {
				t.Errorf("got %s: %s, resent %v", got.ErrorClass, got.Error, got.Resent)
			}
		})
	}
	requests.Wait()
	if got := s.connections.Load(); got != n {
		t.Errorf("got %d connections for %d requests, %d of them opened before", got, n, n)
	}
	if got := len(c.waiting.conns); got != 0 {
		t.Errorf("%d opened connections were not used", got)
	}
}

func TestConnectionsAreKeptBetweenRequests(t *testing.T) {
	s := newCounted(t, answered)
	c := newClient(t, s.URL)
	for range 20 {
		if got := c.Complete(t.Context(), request(2), nil); got.ErrorClass != "" {
			t.Fatalf("got %s: %s", got.ErrorClass, got.Error)
		}
	}
	if got := s.connections.Load(); got != 1 {
		t.Errorf("got %d connections for requests one after the other, want 1", got)
	}
}

// A connection that the server closed while it waited must not cost a request.
func TestOpenedConnectionThatTheServerClosed(t *testing.T) {
	s := newCounted(t, answered)
	c := newClient(t, s.URL)
	if err := c.Open(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-s.opened
	}
	s.CloseClientConnections()
	for _, waiting := range c.waiting.conns {
		// Wait until the end of the stream is here.
		raw, err := waiting.Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var n int
		err = raw.Read(func(fd uintptr) bool {
			n, _, err = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return !errors.Is(err, syscall.EAGAIN)
		})
		if err != nil || n != 0 {
			t.Fatalf("peek: %d, %v", n, err)
		}
	}
	got := c.Complete(t.Context(), request(2), nil)
	if got.ErrorClass != "" || got.Resent {
		t.Errorf("got %s: %s, resent %v", got.ErrorClass, got.Error, got.Resent)
	}
	if got := s.connections.Load(); got != 4 {
		t.Errorf("got %d connections, want 3 opened and 1 in place of them", got)
	}
}

func TestOpenSaysWhichConnectionFailed(t *testing.T) {
	s := newCounted(t, answered)
	c := newClient(t, s.URL)
	dial := c.dial
	var dials atomic.Int64
	c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) == 5 {
			return nil, syscall.EMFILE
		}
		return dial(ctx, network, address)
	}
	err := c.Open(t.Context(), 5)
	if !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "opening connection ") || !strings.Contains(err.Error(), " of 5: ") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := withCause(t)
	cancel(errors.New("interrupted"))
	if err := c.Open(ctx, 100); err == nil || err.Error() != "interrupted" {
		t.Errorf("cancelled: got %v", err)
	}
}

// brokenWrite fails the next write without taking a byte.
type brokenWrite struct {
	net.Conn
	broken *atomic.Bool
}

func (b brokenWrite) Write(p []byte) (int, error) {
	if b.broken.CompareAndSwap(true, false) {
		return 0, syscall.EPIPE
	}
	return b.Conn.Write(p)
}

func TestResendAfterNothingWasWritten(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reuse func(*testing.T, *Client, *counted)
		class ErrorClass
		sent  bool
	}{
		{"on a connection used before", func(t *testing.T, c *Client, _ *counted) {
			if got := c.Complete(t.Context(), request(2), nil); got.ErrorClass != "" || got.Resent {
				t.Fatalf("got %s: %s, resent %v", got.ErrorClass, got.Error, got.Resent)
			}
		}, "", true},
		{"on a connection opened before", func(t *testing.T, c *Client, _ *counted) {
			if err := c.Open(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}, "", true},
		{"not on a new one", func(*testing.T, *Client, *counted) {}, ErrConnect, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newCounted(t, answered)
			c := newClient(t, s.URL)
			dial := c.dial
			var broken atomic.Bool
			c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				raw, err := dial(ctx, network, address)
				return brokenWrite{raw, &broken}, err
			}
			tt.reuse(t, c, s)
			before := s.requests.Load()
			broken.Store(true)
			got := c.Complete(t.Context(), request(2), nil)
			if got.ErrorClass != tt.class || got.Resent != tt.sent || got.Sent.IsZero() == tt.sent {
				t.Errorf("got %q (%s), resent %v, sent %v", got.ErrorClass, got.Error, got.Resent, got.Sent)
			}
			want := int64(0)
			if tt.sent {
				want = 1
			}
			if n := s.requests.Load() - before; n != want {
				t.Errorf("the server saw %d requests, want %d", n, want)
			}
		})
	}
}

// Once a byte is out, the server may be working on it: a second sending would be hidden load.
func TestNoRetryAfterBytesWereWritten(t *testing.T) {
	var calls atomic.Int64
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			answered(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, s.URL)
	c.Complete(t.Context(), request(2), nil)
	got := c.Complete(t.Context(), request(2), nil)
	if got.ErrorClass != ErrConnect || got.Resent || got.Sent.IsZero() || got.Done.IsZero() || got.Status != 0 {
		t.Errorf("got %+v", got)
	}
	if n := s.requests.Load(); n != 2 {
		t.Errorf("the server saw %d requests, want 2", n)
	}
}

func TestNoResponse(t *testing.T) {
	for _, tt := range []struct {
		name, response, text string
		class                ErrorClass
	}{
		{"closed at once", "", "the connection broke before a response: EOF", ErrConnect},
		{"closed in the header", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n",
			"the connection broke before a response: net/http: HTTP/1.x transport connection broken: unexpected EOF", ErrConnect},
		{"not HTTP", "SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP response: ", ErrMalformed},
		{"a page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>hi</p>", "got content type text/html, want text/event-stream: <p>hi</p>", ErrMalformed},
		{"no type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "got content type none, want text/event-stream: hi", ErrMalformed},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "status 302: ", ErrHTTPStatus},
		{"cut in a chunk", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + first,
			"the stream broke after 1 chunks: unexpected EOF", ErrCutStream},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := complete(t, replay(t, []byte(tt.response)), request(2))
			if got.ErrorClass != tt.class || !strings.HasPrefix(got.Error, tt.text) {
				t.Errorf("got %s: %s", got.ErrorClass, got.Error)
			}
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	got, _ := complete(t, "http://"+listener.Addr().String(), request(2))
	if got.ErrorClass != ErrConnect || !strings.Contains(got.Error, "connection refused") || !got.Sent.IsZero() || got.Done.IsZero() {
		t.Errorf("refused: got %+v", got)
	}
}

func TestOneFailureLeavesTheOthersAlone(t *testing.T) {
	var calls atomic.Int64
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) % 4 {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			http.Error(w, `{"object":"error","message":"busy"}`, http.StatusServiceUnavailable)
		default:
			answered(w, r)
		}
	})
	c := newClient(t, s.URL)
	var good, bad atomic.Int64
	var requests sync.WaitGroup
	for range 64 {
		requests.Go(func() {
			switch got := c.Complete(t.Context(), request(2), nil); {
			case got.ErrorClass == "":
				good.Add(1)
			case got.ErrorClass == ErrConnect, got.Error == "status 503: busy":
				bad.Add(1)
			default:
				t.Errorf("got %s: %s", got.ErrorClass, got.Error)
			}
		})
	}
	requests.Wait()
	if good.Load() != 32 || bad.Load() != 32 {
		t.Errorf("got %d good and %d bad, want 32 and 32", good.Load(), bad.Load())
	}
}
