package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// pair connects two sockets over loopback.
func pair(t *testing.T, address string) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("no %s here: %v", address, err)
	}
	defer listener.Close()
	near, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// probed keeps the kernel stamping, and skips where it does not.
func probed(t *testing.T) {
	t.Helper()
	p, err := newStampProbe(t.Context())
	if err != nil {
		t.Skipf("no receive stamps here: %v", err)
	}
	t.Cleanup(p.close)
}

// serving is a connection of a client that serves a request, with its other end.
func serving(t *testing.T) (near net.Conn, k *conn, e *exchange) {
	t.Helper()
	near, far := pair(t, "127.0.0.1:0")
	k = &conn{Conn: far, owner: newClient(t, "http://127.0.0.1:1")}
	var err error
	if k.stamps, err = newStampReader(far); err != nil {
		t.Fatal(err)
	}
	e = newExchange()
	k.serves.Store(e)
	return near, k, e
}

// A stamp is of when the bytes came, however late they are read.
func TestStampIsOfTheReceiveAndNotOfTheRead(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			probed(t)
			near, far := pair(t, address)
			r, err := newStampReader(far)
			if err != nil {
				t.Fatal(err)
			}
			before := time.Now()
			if _, err := near.Write([]byte("event")); err != nil {
				t.Fatal(err)
			}
			after := time.Now()
			<-time.After(30 * time.Millisecond)
			buf := make([]byte, 16)
			n, kernel, err := r.read(buf)
			if string(buf[:n]) != "event" || err != nil {
				t.Fatalf("got %q, %v", buf[:n], err)
			}
			if kernel < before.UnixNano() || kernel > after.UnixNano() {
				t.Errorf("the stamp is %v after the write began, which took %v", time.Duration(kernel-before.UnixNano()), after.Sub(before))
			}
			near.Close()
			if n, _, err := r.read(buf); n != 0 || err != io.EOF {
				t.Errorf("at the end: got %d, %v", n, err)
			}
			far.Close()
			if n, _, err := r.read(buf); n != 0 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("closed: got %d, %v", n, err)
			}
		})
	}
}

func TestStampReaderTellsOfAReset(t *testing.T) {
	near, far := pair(t, "127.0.0.1:0")
	r, err := newStampReader(far)
	if err != nil {
		t.Fatal(err)
	}
	if err := near.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	near.Close()
	n, _, err := r.read(make([]byte, 16))
	if n != 0 || !broke(err) {
		t.Errorf("got %d, %v", n, err)
	}
}

// The bytes of a request's stream lay in the kernel while its reader was elsewhere: the stamps do not move by that, and the lag says it.
func TestExchangeKeepsStampAndLag(t *testing.T) {
	probed(t)
	undisturbed(t, func() string {
		near, k, e := serving(t)
		if got := k.owner.Stats(); got.Stamps != StampsKernel || got.Why != "" {
			t.Fatalf("got %+v", got)
		}
		if _, err := near.Write([]byte("event")); err != nil {
			t.Fatal(err)
		}
		after := time.Now()
		<-time.After(30 * time.Millisecond)
		if _, err := k.Read(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		got := e.latest()
		if got.at.After(after) || got.lag < 30*time.Millisecond || got.read != 1 {
			return fmt.Sprintf("got %v after the write, lag %v, read %d", got.at.Sub(after), got.lag, got.read)
		}
		return ""
	})
}

func TestExchangeAndOddStamps(t *testing.T) {
	e := newExchange()
	start := e.epoch
	for i, tt := range []struct {
		user, lag, wantAt, wantLag time.Duration
	}{
		{5 * time.Millisecond, time.Millisecond, 4 * time.Millisecond, time.Millisecond},
		{6 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond, 2 * time.Millisecond}, // before what is in front of it
		{7 * time.Millisecond, noLag, 7 * time.Millisecond, noLag},
		{8 * time.Millisecond, time.Second, 8 * time.Millisecond, noLag}, // before the request
		{9 * time.Millisecond, time.Millisecond, 8 * time.Millisecond, time.Millisecond},
	} {
		e.arrived(start.Add(tt.user), tt.lag)
		if got := e.latest(); got.at.Sub(start) != tt.wantAt || got.lag != tt.wantLag || got.read != int64(i+1) {
			t.Errorf("read %d: got %v, lag %v, read %d; want %v, %v", i, got.at.Sub(start), got.lag, got.read, tt.wantAt, tt.wantLag)
		}
	}
}

func TestLagsOfARequest(t *testing.T) {
	probed(t)
	s := newCounted(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range []string{first, second, counts + end} {
			io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	})
	got := newClient(t, s.URL).Complete(t.Context(), request(2), nil)
	if got.ErrorClass != "" || len(got.ChunkLags) != 2 {
		t.Fatalf("got %s: %s, lags %v", got.ErrorClass, got.Error, got.ChunkLags)
	}
	for i, lag := range got.ChunkLags {
		if lag < 0 {
			t.Errorf("chunk %d has no kernel stamp", i)
		}
	}
	ordered(t, got.Sent, got.Written, got.Headers, got.FirstToken, got.LastToken, got.Done)

	c, err := New(Options{BaseURL: s.URL, UserStamps: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got = c.Complete(t.Context(), request(2), nil)
	if stats := c.Stats(); got.ErrorClass != "" || got.ChunkLags != nil || stats.Stamps != StampsUser || stats.Why != "asked for" || stats.Connections != 1 {
		t.Errorf("user stamps: got %s: %s, lags %v, %+v", got.ErrorClass, got.Error, got.ChunkLags, stats)
	}
}
