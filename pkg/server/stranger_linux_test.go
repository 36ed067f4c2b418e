package server

import (
	"context"
	"errors"
	"net"
	"os"
	"os/user"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// listenShared listens on an address that others may listen on, too.
func listenShared(t *testing.T, address string) net.Listener {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(err, failed)
	}}
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestOwnsPort(t *testing.T) {
	tests := []struct {
		name string
		// steps are the server's, with ADDRESS for where it is to listen; also is what this process listens on, with PORT.
		steps []string
		also  string
		ours  bool
		// strangers tells whether this process is one.
		strangers bool
	}{
		{name: "the leader listens", steps: []string{"listen=ADDRESS"}, ours: true},
		{name: "a grandchild listens", steps: []string{"child=session-child=listen=ADDRESS,hang;hang"}, ours: true},
		{name: "all interfaces", steps: []string{"listen=:PORT"}, ours: true},
		{name: "nobody listens", steps: nil},
		{name: "somebody else listens", also: "127.0.0.1:PORT", strangers: true},
		{name: "somebody else shares the port", steps: []string{"share=ADDRESS"}, also: "127.0.0.1:PORT", ours: true, strangers: true},
		{name: "somebody else shares it on all interfaces", steps: []string{"share=ADDRESS"}, also: "0.0.0.0:PORT", ours: true, strangers: true},
		{name: "somebody else listens on another address", steps: []string{"share=ADDRESS"}, also: "127.0.0.2:PORT", ours: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			where := hostPort("127.0.0.1", port)
			_, number, _ := strings.Cut(where, ":")
			var others []net.Listener
			if test.also != "" {
				others = append(others, listenShared(t, strings.ReplaceAll(test.also, "PORT", number)))
			}
			var steps []string
			for _, step := range test.steps {
				steps = append(steps, strings.ReplaceAll(strings.ReplaceAll(step, "ADDRESS", where), "PORT", number))
			}
			b := newBeacon(t)
			p := startFake(t, b, Options{Host: "127.0.0.1", Port: port}, append(steps, "beacon=leader", "hang")...)
			b.await(t, 1)
			checkOwner(t, p.OwnsPort(), where, test.ours, test.strangers)
			// The server's end would be waiting for the port.
			for _, l := range others {
				l.Close()
			}
		})
	}
}

// A stranger that is younger than the server's command may be the server itself, in a container.
func TestYoungerStranger(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	b := newBeacon(t)
	p := startFake(t, b, Options{Host: "127.0.0.1", Port: port}, "beacon=leader", "hang")
	b.await(t, 1)
	younger := startFake(t, b, Options{}, "listen="+hostPort("127.0.0.1", port), "beacon=leader", "hang")
	b.await(t, 1)
	var stranger *StrangerError
	if err := p.OwnsPort(); !errors.As(err, &stranger) || len(stranger.Strangers) != 1 || stranger.Earlier {
		t.Errorf("got %+v, want a stranger that is not earlier", err)
	}
	if _, err := younger.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func checkOwner(t *testing.T, err error, where string, ours, strangers bool) {
	t.Helper()
	if ours && !strangers {
		if err != nil {
			t.Errorf("got %v, want nil", err)
		}
		return
	}
	var stranger *StrangerError
	if !errors.As(err, &stranger) || stranger.Ours != ours || stranger.Unknown() {
		t.Fatalf("got %v, want a StrangerError; ours %v", err, ours)
	}
	if stranger.Earlier != strangers { // this process is older than its servers
		t.Errorf("earlier: got %t, want %t", stranger.Earlier, strangers)
	}
	if !strangers {
		if want := "nothing is seen to listen on " + where + ", not even the server"; err.Error() != want || len(stranger.Strangers) != 0 {
			t.Errorf("got %q, want %q", err, want)
		}
		return
	}
	me, userErr := user.Current()
	if userErr != nil {
		t.Fatal(userErr)
	}
	if len(stranger.Strangers) != 1 || stranger.Strangers[0].Owner == nil || stranger.Strangers[0].Owner.PID != os.Getpid() || stranger.Strangers[0].User != me.Username {
		t.Errorf("got %+v, want this process", stranger.Strangers)
	}
	if got := stranger.Shared(); got != ours {
		t.Errorf("shared: got %t, want %t", got, ours)
	}
	if text := err.Error(); !strings.Contains(text, where) || !strings.Contains(text, "of user "+me.Username) {
		t.Errorf("text %q", text)
	}
}

// The owner of a socket whose process is not to be seen is told to be unknown.
func TestStrangerUnknown(t *testing.T) {
	e := &StrangerError{Host: "127.0.0.1", Port: 8000, Strangers: []Listener{{Address: "0.0.0.0:8000", User: "uid 4711"}}}
	if !e.Unknown() {
		t.Error("known")
	}
	want := "127.0.0.1:8000: not the server but a process that is not to be seen from here (of another user, or in a container) of user uid 4711 on 0.0.0.0:8000 listens there"
	if e.Error() != want {
		t.Errorf("got %q, want %q", e, want)
	}
	e.Strangers = append(e.Strangers, Listener{Address: "127.0.0.1:8000", Owner: &Proc{PID: 7, Command: "nc"}})
	if e.Shared() {
		t.Error("two addresses count as shared")
	}
	if e.Unknown() || !strings.HasSuffix(e.Error(), ", pid 7 (nc) on 127.0.0.1:8000 listens there") {
		t.Errorf("got %v", e)
	}
	e.Strangers = append(e.Strangers, Listener{Address: "127.0.0.1:8000"})
	if !e.Shared() {
		t.Error("two listeners at one address do not count as shared")
	}
}

func TestListenOwners(t *testing.T) {
	l := listenShared(t, "127.0.0.1:0")
	listenShared(t, l.Addr().String())
	port := l.Addr().(*net.TCPAddr).Port
	found := ListenOwners("127.0.0.1", port)
	if len(found) != 2 {
		t.Fatalf("found %v, want two sockets", found)
	}
	for _, f := range found {
		if f.Address != l.Addr().String() || f.Owner == nil || f.Owner.PID != os.Getpid() {
			t.Errorf("found %v, want this process on %v", f, l.Addr())
		}
	}
	if found := ListenOwners("127.0.0.2", port); found != nil {
		t.Errorf("on another address: %v", found)
	}
}

func TestUserName(t *testing.T) {
	for uid, want := range map[int]string{-1: "", 0: "root", 1864861730: "uid 1864861730"} {
		if got := userName(uid); got != want {
			t.Errorf("user %d is %q, want %q", uid, got, want)
		}
	}
}

func TestWaitChannel(t *testing.T) {
	b := newBeacon(t)
	p := startBystander(t, b)
	if got := withWaitChannel(p); got.State == 'D' {
		t.Errorf("got %+v of a process that sleeps", got)
	}
	gone := Proc{PID: -1, Command: "x"}
	if got := withWaitChannel(gone); got != gone {
		t.Errorf("got %+v of nobody", got)
	}
}

func TestDescribe(t *testing.T) {
	p := Proc{PID: 7, Command: "VLLM::EngineCore", State: 'D', WaitChannel: "nv_wait", Stack: parseStack("[<0>] nv_wait+0x1a/0x30 [nvidia]\n[<0>] do_exit+0x2/0x9\ngarbage\n")}
	if got, want := p.describe(), "pid 7 (VLLM::EngineCore) in state D at nv_wait, kernel stack nv_wait < do_exit"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	deep := parseStack(strings.Repeat("[<0>] f+0x1/0x2\n", 100))
	if got, want := strings.Count(deep, "f"), maxFrames; got != want {
		t.Errorf("%d frames, want %d", got, want)
	}
	if got := parseStack(""); got != "" {
		t.Errorf("got %q of an empty stack", got)
	}
}
