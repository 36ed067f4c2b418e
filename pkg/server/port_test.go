package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// freePort is a port of the loopback address that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestFreePort(t *testing.T) {
	for _, host := range []string{"", "127.0.0.1", "0.0.0.0", "localhost"} {
		t.Run(host, func(t *testing.T) {
			port, err := FreePort(host)
			if err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", hostPort(host, port))
			if err != nil {
				t.Fatalf("the port is not free: %v", err)
			}
			l.Close()
		})
	}
}

func TestFreePortOnAnAddressThatIsNotOurs(t *testing.T) {
	// TEST-NET-1 belongs to nobody.
	_, err := FreePort("192.0.2.1")
	var used *PortInUseError
	if err == nil || errors.As(err, &used) || !strings.Contains(err.Error(), "192.0.2.1:") {
		t.Errorf("got %v, want an error that names the address and is no PortInUseError", err)
	}
}

func TestCheckPort(t *testing.T) {
	tests := []struct {
		name, listen, check string
		free                bool
	}{
		{"the same address", "127.0.0.1", "127.0.0.1", false},
		{"all interfaces are asked for", "127.0.0.1", "0.0.0.0", false},
		{"all interfaces are taken", "0.0.0.0", "127.0.0.1", false},
		{"any host, taken by name", "localhost", "", false},
		{"another address", "127.0.0.1", "127.0.0.2", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.check == "127.0.0.2" && runtime.GOOS != "linux" {
				t.Skip("only Linux has all of 127/8 on the loopback interface")
			}
			l, err := net.Listen("tcp", hostPort(test.listen, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).Port
			err = CheckPort(test.check, port)
			if test.free {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			var used *PortInUseError
			if !errors.As(err, &used) {
				t.Fatalf("got %v, want a PortInUseError", err)
			}
			want := fmt.Sprintf("%s is already in use", hostPort(test.check, port))
			if hasProc {
				want += fmt.Sprintf(" by pid %d (", os.Getpid())
			}
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %q, want it to begin with %q", err, want)
			}
		})
	}
}

// What listens on one protocol does not keep others from listening on the other and must be found all the same.
func TestCheckPortFindsWhatListeningAloneWouldMiss(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	var used *PortInUseError
	if err := CheckPort("0.0.0.0", port); !errors.As(err, &used) {
		t.Errorf("got %v, want a PortInUseError", err)
	}
	if err := CheckPort("127.0.0.1", port); err != nil {
		t.Errorf("another address: %v, want nil", err)
	}
}

func TestCheckPortOutOfRange(t *testing.T) {
	var used *PortInUseError
	if err := CheckPort("127.0.0.1", 70000); err == nil || errors.As(err, &used) || !strings.Contains(err.Error(), "70000") {
		t.Errorf("got %v, want an error that names the port and is no PortInUseError", err)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	bin, data := filepath.Join(dir, "bin"), filepath.Join(dir, "data")
	for path, mode := range map[string]fs.FileMode{
		filepath.Join(bin, "program"):  0o755,
		filepath.Join(data, "program"): 0o644,
		filepath.Join(data, "text"):    0o644,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	both := data + ":" + filepath.Join(data, "text") + ":" + bin
	tests := []struct {
		name, command, path string
		want                string
		cause               error
		text                string
	}{
		{"in PATH", "program", bin, filepath.Join(bin, "program"), nil, ""},
		{"in PATH, behind one that cannot be executed and an entry that is a file", "program", both, filepath.Join(bin, "program"), nil, ""},
		{"by path", filepath.Join(bin, "program"), "", filepath.Join(bin, "program"), nil, ""},
		{"not in PATH", "pythno", both, "", fs.ErrNotExist, `server command "pythno": file does not exist in PATH (` + both + `)`},
		{"empty PATH", "program", "", "", fs.ErrNotExist, `server command "program": file does not exist in PATH ()`},
		{"in PATH but not executable", "text", data, "", fs.ErrPermission, `server command "text": ` + data + `/text is not executable: permission denied`},
		{"a path to nothing", dir + "/none", bin, "", fs.ErrNotExist, `server command "` + dir + `/none": no such file or directory`},
		{"a path through a file", data + "/text/x", bin, "", fs.ErrNotExist, `server command "` + data + `/text/x": file does not exist`},
		{"a folder", bin, "", "", nil, `server command "` + bin + `": ` + bin + ` is a folder, not a program`},
		{"empty", "", bin, "", nil, `server command "": empty command`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Resolve(test.command, test.path)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.text == "" {
				if err != nil {
					t.Errorf("got error %v, want none", err)
				}
				return
			}
			var command *CommandError
			if !errors.As(err, &command) || test.cause != nil && !errors.Is(err, test.cause) || err.Error() != test.text {
				t.Errorf("got error %v, want %s", err, test.text)
			}
		})
	}
}

func TestStartWhatCannotRun(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := filepath.Join(dir, "log")
	tests := []struct {
		name    string
		opts    Options
		command bool
		want    string
	}{
		{"no command", Options{LogPath: log}, true, "empty command"},
		{"not in PATH", Options{Argv: []string{"pythno"}, Env: []string{"PATH=" + dir}, LogPath: log}, true, `"pythno": file does not exist in PATH (` + dir + ")"},
		{"a missing interpreter", Options{Argv: []string{script("a", "#!/none\n")}, LogPath: log}, true, syscall.ENOENT.Error()},
		{"not a program", Options{Argv: []string{script("b", "echo\n")}, LogPath: log}, true, syscall.ENOEXEC.Error()},
		{"no folder for the log", Options{Argv: []string{script("c", "#!/bin/sh\n")}, LogPath: dir + "/none/log"}, false, "opening the server log: open " + dir + "/none/log"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := Start(test.opts)
			if err == nil {
				p.Kill()
				t.Fatal("it started")
			}
			var command *CommandError
			if errors.As(err, &command) != test.command || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q, command error %v", err, test.want, test.command)
			}
		})
	}
}
