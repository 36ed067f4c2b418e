package server

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hasProc tells that processes and listeners can be named on this system.
const hasProc = true

func TestParseStat(t *testing.T) {
	rest := " 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 17 0 9876543 1000 200 18446744073709551615"
	tests := []struct {
		name string
		stat string
		want Proc
		err  string
	}{
		{"plain", "178 (python) S 100 99 98" + rest, Proc{PID: 178, PPID: 100, PGID: 99, SID: 98, State: 'S', Threads: 17, StartTicks: 9876543, Command: "[python]"}, ""},
		{"a name with parentheses, spaces and a newline", "178 (a) R 1\n(b) Z 100 99 98" + rest, Proc{PID: 178, PPID: 100, PGID: 99, SID: 98, State: 'Z', Threads: 17, StartTicks: 9876543, Command: "[a) R 1\n(b]"}, ""},
		{"empty", "", Proc{}, `process status: no name in ""`},
		{"parentheses the wrong way round", ") (", Proc{}, `process status: no name in ") ("`},
		{"cut", "178 (python) S 100", Proc{}, `process status: 2 fields after the name, want at least 20, in "178 (python) S 100"`},
		{"not a number", "x (python) S 100 99 98" + rest, Proc{}, `process status: strconv.Atoi: parsing "x": invalid syntax`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseStat([]byte(test.stat))
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("process (-got +want):\n%s", diff)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != test.err {
				t.Errorf("got error %q, want %q", text, test.err)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("178 (a) b) S 100 99 98 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 17 0 9876543 1000"))
	f.Add([]byte("1 ()"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseStat(data)
		if err != nil && p != (Proc{}) {
			t.Errorf("both %+v and %v", p, err)
		}
		if err == nil && (p.State == 0 || len(p.Command) < 2) {
			t.Errorf("incomplete: %+v", p)
		}
	})
}

func TestReadProcOfOurselves(t *testing.T) {
	p, err := readProc(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	if p.PID != os.Getpid() || p.PPID != os.Getppid() || p.PGID != syscall.Getpgrp() || p.SID != int(sid) || !p.alive() || p.StartTicks == 0 {
		t.Errorf("got %+v", p)
	}
	if got := commandLine(p.PID, "fallback"); !strings.HasPrefix(got, os.Args[0][:1]) || got == "fallback" {
		t.Errorf("command line %q", got)
	}
	if got := commandLine(-1, "fallback"); got != "fallback" {
		t.Errorf("command line of nobody %q", got)
	}
}

func TestAlive(t *testing.T) {
	for _, test := range []struct {
		p    Proc
		want bool
	}{
		{Proc{State: 'S', Threads: 1}, true},
		{Proc{State: 'D', Threads: 1}, true},
		{Proc{State: 'Z', Threads: 1}, false},
		{Proc{State: 'Z', Threads: 3}, true},
		{Proc{State: 'X'}, false},
		{Proc{}, true},
	} {
		if got := test.p.alive(); got != test.want {
			t.Errorf("%+v alive: %v, want %v", test.p, got, test.want)
		}
	}
}

// A process number that has come to mean another process is never signalled.
func TestSignalChecksTheIdentity(t *testing.T) {
	b := newBeacon(t)
	p := startFake(t, b, Options{}, "beacon=leader", "hang")
	b.await(t, 1)
	proc, err := readProc(p.PID())
	if err != nil {
		t.Fatal(err)
	}
	other := proc
	other.StartTicks--
	if err := p.tree.signal(other, syscall.SIGKILL); err != syscall.ESRCH {
		t.Errorf("signal to an earlier process of that number: %v, want ESRCH", err)
	}
	if leaderEnded(p.leader) {
		t.Fatal("the wrong process was killed")
	}
	if err := p.tree.signal(proc, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	<-p.Exited()
}

func TestParseSockets(t *testing.T) {
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 51512 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 51513 1 0000000000000000 100 0 0 10 0
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000 100 0 0 10 0
   3: B80D01200000000067452301EFCDAB89:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1
   4: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1
`
	sockets, err := parseSockets(table)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sockets {
		got = append(got, s.address.String()+" "+s.inode)
	}
	want := []string{"127.0.0.1:8080 51512", "0.0.0.0:80 7", "[2001:db8::123:4567:89ab:cdef]:8081 8", "127.0.0.1:8082 9"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("sockets (-got +want):\n%s", diff)
	}
}

func TestParseSocketsThatAreNone(t *testing.T) {
	for _, test := range []struct{ address, want string }{
		{"0100007F", `socket table, line 2: address "0100007F": strconv.ParseUint: parsing "": invalid syntax`},
		{"01:1F90", `socket table, line 2: address "01:1F90": want 4 or 16 bytes`},
		{"xx:1F90", `socket table, line 2: address "xx:1F90": encoding/hex: invalid byte: U+0078 'x'`},
	} {
		_, err := parseSockets("header\n0: " + test.address + " 00000000:0000 0A 0 0 0 0 0 0 1\n")
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add("h\n0: 0100007F:1F90 00000000:0000 0A 0 0 0 0 0 9 1")
	f.Add("h\n0: 0100007F00:1F90 0 0A 0 0 0 0 0 9 1\n\n")
	f.Fuzz(func(t *testing.T, table string) {
		sockets, err := parseSockets(table)
		if err != nil && sockets != nil {
			t.Errorf("both %v and %v", sockets, err)
		}
		for _, s := range sockets {
			if !s.address.IsValid() || s.inode == "" {
				t.Errorf("incomplete: %+v", s)
			}
		}
	})
}
