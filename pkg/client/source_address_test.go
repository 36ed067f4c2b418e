package client

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSourceAddresses(t *testing.T) {
	local := func(last ...byte) []netip.Addr {
		var list []netip.Addr
		for _, b := range last {
			list = append(list, netip.AddrFrom4([4]byte{127, 0, 0, b}))
		}
		return list
	}
	for _, tt := range []struct {
		host     string
		n, ports int
		want     []netip.Addr
		err      string
	}{
		{"127.0.0.1", 21_174, 28_232, nil, ""},
		{"127.0.0.1", 21_175, 28_232, local(1, 2), ""},
		{"localhost", 43_000, 28_232, local(1, 2, 3), ""},
		{"127.0.0.1", 100_000, 0, nil, ""}, // not known
		{"10.1.2.3", 21_174, 28_232, nil, ""},
		{"10.1.2.3", 21_175, 28_232, nil, "21175 connections to 10.1.2.3 need as many local ports, and 21174 of the 28232 "},
		{"::1", 30_000, 28_232, nil, "30000 connections to ::1 "},
		{"127.0.0.1", 10_000_000, 28_232, nil, "at most 254 local addresses"},
	} {
		got, err := SourceAddresses(tt.host, tt.n, tt.ports)
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s, %d: %s", tt.host, tt.n, diff)
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s, %d: got %v, want %q", tt.host, tt.n, err, tt.err)
		}
	}
}

func TestPortsIn(t *testing.T) {
	for text, want := range map[string]int{"32768\t60999\n": 28232, "1 1": 1, "": 0, "1": 0, "2 1": 0, "a b": 0} {
		if got := PortsIn(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

// Connections go out from each of the addresses in turn.
func TestDialFrom(t *testing.T) {
	s := newCounted(t, answered)
	addresses, err := SourceAddresses("127.0.0.1", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	dial := dialFrom(addresses)
	for _, want := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.1"} {
		c, err := dial(t.Context(), "tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, _, _ := strings.Cut(c.LocalAddr().String(), ":"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
