package client

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged is how many bytes of a connection its peer has not yet received.
func unacknowledged(t *testing.T, c net.Conn) (n int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return n
}

// What a server sends to a client that does not come to read is received, and stamped, all the same: 145 KB here, which is more
// than the system takes by default.
func TestServerIsNotHeldUpByALateClient(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := newClient(t, "http://"+listener.Addr().String()).Open(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	event := make([]byte, 290)
	for range 500 {
		if _, err := server.Write(event); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for left := unacknowledged(t, server); left > 0; left = unacknowledged(t, server) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d bytes are not received", left, 500*len(event))
		}
		time.Sleep(time.Millisecond)
	}
}
