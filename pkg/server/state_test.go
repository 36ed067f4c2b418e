package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// someState is a valid state.
func someState() launchState {
	return launchState{
		Version: stateVersion, Boot: "b", Machine: "box", Namespace: 4026531836, Marker: "abc.110.1000.4026531836",
		Orchestrator: identity{110, 1000}, Guardian: identity{120, 1010}, Leader: identity{130, 1020},
		Members: []identity{{131, 1030}, {132, 1040}}, Command: "vllm serve", StopCommand: []string{"docker", "stop", "x"},
		Host: "127.0.0.1", Port: 8000, RunDir: "/runs/1", Started: time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC),
	}
}

func TestStateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.json")
	for _, members := range [][]identity{{{131, 1030}}, nil} {
		want := someState()
		want.Members = members
		if err := want.write(file); err != nil {
			t.Fatal(err)
		}
		got, err := readState(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("state (-got +want):\n%s", diff)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	if err := someState().write(filepath.Join(t.TempDir(), "none", "a.json")); err == nil {
		t.Error("written into a folder that does not exist")
	}
}

func TestReadStateRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good", `{"version":1,"boot_id":"b","machine":"m","marker":"a.1.2.3","orchestrator":{"pid":1,"start":2}}`)
	if _, err := readState(good); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, want string }{
		{file("empty", ""), "not a launch: EOF"},
		{file("torn", `{"version":1,"boot_id":"b`), "not a launch: unexpected EOF"},
		{file("list", `[]`), "not a launch: json: cannot unmarshal array"},
		{file("future", `{"version":2}`), "version 2, this program knows 1"},
		{file("nobody", `{"version":1,"boot_id":"b","machine":"m","marker":"a.1.2.3"}`), "boot, machine or orchestrator is missing"},
		{file("marker", `{"version":1,"boot_id":"b","machine":"m","marker":"a","orchestrator":{"pid":1}}`), `launch marker "a": want NAME.PID.START.NAMESPACE`},
		{file("negative", `{"version":1,"boot_id":"b","machine":"m","marker":"a.1.2.3","orchestrator":{"pid":-1}}`), "boot, machine or orchestrator is missing"},
		{file("big", strings.Repeat(" ", maxState+1)), fmt.Sprintf("has %d bytes", maxState+1)},
		{link, "too many levels of symbolic links"},
		{pipe, "is not a file but p"},
		{dir, "is not a file but d"},
		{filepath.Join(dir, "none"), "no such file or directory"},
	} {
		t.Run(filepath.Base(test.file), func(t *testing.T) {
			_, err := readState(test.file)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
				t.Errorf("got %v, want %q and the file's name", err, test.want)
			}
		})
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"version":1,"boot_id":"b","machine":"m","marker":"a.1.2.3","orchestrator":{"pid":1,"start":2},"members":[{"pid":3,"start":4}]}`))
	f.Add([]byte(`{"version":1,"members":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseState(data)
		if err != nil {
			if diff := cmp.Diff(s, launchState{}); diff != "" {
				t.Errorf("both %v and a state:\n%s", err, diff)
			}
			return
		}
		if s.Boot == "" || s.Orchestrator.PID <= 0 {
			t.Errorf("incomplete: %+v", s)
		}
	})
}

func TestMarker(t *testing.T) {
	want := newMarker(identity{110, 1000}, 4026531836, "/run/a")
	got, err := parseMarker(want.String())
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if other := newMarker(identity{110, 1000}, 4026531836, "/run/a"); other == want {
		t.Error("two launches have the same marker")
	}
	for _, bad := range []string{"", "a", "a.1.2", "a.1.2.3.4", ".1.2.3", "A.1.2.3", "../x.1.2.3", "a.0.2.3", "a.-1.2.3", "a.x.2.3", "a.1.-2.3", "a.1.2.x", "a.1.2."} {
		if m, err := parseMarker(bad); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, m)
		}
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add("abc.110.1000.4026531836")
	f.Add("a.b.c.d")
	f.Fuzz(func(t *testing.T, value string) {
		m, err := parseMarker(value)
		if err != nil {
			return
		}
		if again, err := parseMarker(m.String()); err != nil || again != m {
			t.Errorf("%q: %+v became %+v, %v", value, m, again, err)
		}
	})
}

func TestMarkedReplacesAnInheritedMarker(t *testing.T) {
	env := []string{"A=1", MarkerName + "=old", MarkerName + "X=kept", "B=2"}
	if diff := cmp.Diff(marked(env, "new"), []string{"A=1", MarkerName + "X=kept", "B=2", MarkerName + "=new"}); diff != "" {
		t.Errorf("environment (-got +want):\n%s", diff)
	}
}

func TestStateDirs(t *testing.T) {
	uid := os.Getuid()
	own := t.TempDir()
	user := fmt.Sprintf("/run/user/%d", uid)
	var fallback []string
	if info, err := os.Stat(user); err == nil && ownedBy(info, uid) {
		fallback = []string{user + "/sqzb-orchestrate"}
	}
	tmp := fmt.Sprintf("/tmp/sqzb-orchestrate-%d", uid)
	tests := []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"nothing set", nil, append(fallback[:len(fallback):len(fallback)], tmp)},
		{"a runtime folder", map[string]string{"XDG_RUNTIME_DIR": own}, append(append([]string{own + "/sqzb-orchestrate"}, fallback...), tmp)},
		{"one that does not exist", map[string]string{"XDG_RUNTIME_DIR": own + "/none"}, append(fallback[:len(fallback):len(fallback)], tmp)},
		{"relative ones", map[string]string{"XDG_RUNTIME_DIR": ".", "TMPDIR": "tmp"}, append(fallback[:len(fallback):len(fallback)], tmp)},
		{
			"a folder for temporary files", map[string]string{"TMPDIR": "/var/tmp"},
			append(append([]string{}, fallback...), fmt.Sprintf("/var/tmp/sqzb-orchestrate-%d", uid), tmp),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lookup := func(name string) (string, bool) { value, ok := test.env[name]; return value, ok }
			got := StateDirs(lookup)
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("folders (-got +want):\n%s", diff)
			}
			if StateDir(lookup) != got[0] {
				t.Errorf("StateDir is %s, want the first of %v", StateDir(lookup), got)
			}
		})
	}
}

func TestMakeStateDir(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "a", "b")
	if err := makeStateDir(made); err != nil {
		t.Fatal(err)
	}
	if err := makeStateDir(made); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v; want mode 0700", info.Mode(), err)
	}
	open, link, file := filepath.Join(dir, "open"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := os.Mkdir(open, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(made, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		open: "has mode 0750, others could write or read it; want 0700",
		link: "is not a folder but L",
		file: "not a directory",
	} {
		if err := makeStateDir(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
