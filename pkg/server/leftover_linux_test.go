package server

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The orchestrator and its guardian are both killed, as by a batch system at the end of its patience: what is left is ended by
// a later run.
func TestLeftoversOfAKilledPair(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	h := startHelper(t, b, Options{RunDir: "/runs/1", Port: 1}, 4,
		"ignore-term", "child=daemon=ignore-term,beacon=daemon,hang;exit=0",
		"child=session-child=beacon=grandchild,hang;beacon=child;ignore-term;hang", "beacon=leader", "hang")
	awaitRecorded(t, h.opts.StateDir, h.pids["daemon"], h.pids["grandchild"], h.pids["child"])
	marker := h.marker(t)
	if found := leftovers(t, h.opts.StateDir, marker); len(found) != 0 {
		t.Fatalf("the orchestrator is alive, and yet: %v", found)
	}

	// A guardian that is stopped cannot react before it is killed, too.
	for _, kill := range []struct {
		who string
		sig syscall.Signal
	}{{"guardian", syscall.SIGSTOP}, {"orchestrator", syscall.SIGKILL}, {"guardian", syscall.SIGKILL}} {
		if err := syscall.Kill(h.pids[kill.who], kill.sig); err != nil {
			t.Fatal(err)
		}
	}
	_ = h.Wait()
	eventually(t, "the guardian and the leader are gone", func() bool {
		return !alivePID(h.pids["guardian"]) && !alivePID(h.pids["leader"])
	})

	found := leftovers(t, h.opts.StateDir, marker)
	if len(found) != 1 {
		t.Fatalf("found %v, want one launch", found)
	}
	left := found[0]
	if left.Err != nil || left.RunDir != "/runs/1" || left.Port != 1 || left.Started.IsZero() || !strings.Contains(left.Command, "ignore-term") {
		t.Errorf("found %+v", left)
	}
	want := map[int]bool{h.pids["daemon"]: true, h.pids["child"]: true, h.pids["grandchild"]: true}
	if diff := cmp.Diff(pidsOf(left.Procs), want); diff != "" {
		t.Errorf("processes (-got +want), of %v:\n%s", h.pids, diff)
	}
	if text := left.String(); !strings.Contains(text, "3 processes") || !strings.Contains(text, "/runs/1") {
		t.Errorf("text %q", text)
	}
	ended, err := left.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.awaitDark(t)
	if diff := cmp.Diff(pidsOf(ended.Killed), want); diff != "" {
		t.Errorf("killed (-got +want), of %v:\n%s", h.pids, diff)
	}
	checkNoneMarked(t, marker)
	checkEmpty(t, h.opts.StateDir)
	if again := leftovers(t, h.opts.StateDir, marker); len(again) != 0 {
		t.Errorf("found again: %v", again)
	}
}

func pidsOf(procs []Proc) map[int]bool {
	pids := map[int]bool{}
	for _, p := range procs {
		pids[p.PID] = true
	}
	return pids
}

// leftovers returns the leftovers in dir and those with the given marker: other tests leave some of their own.
func leftovers(t *testing.T, dir, marker string) []Leftover {
	t.Helper()
	all, err := Leftovers(dir)
	if err != nil {
		t.Error(err)
	}
	var own []Leftover
	for _, l := range all {
		if l.File != "" || l.state.Marker == marker {
			own = append(own, l)
		}
	}
	return own
}

// A guardian that has outlived its orchestrator does the work itself; one that is stopped is ended last.
func TestLeftoverWithAGuardian(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		name := map[bool]string{false: "at work", true: "stopped"}[stopped]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			h := startHelper(t, b, Options{}, 2, "ignore-term", "child=ignore-term;beacon=child;hang", "beacon=leader", "hang")
			marker := h.marker(t)
			if stopped {
				if err := syscall.Kill(h.pids["guardian"], syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the guardian is stopped", func() bool {
					p, err := readProc(h.pids["guardian"])
					return err == nil && p.State == 'T'
				})
			}
			h.kill()
			found := leftovers(t, h.opts.StateDir, marker)
			if len(found) != 1 || !pidsOf(found[0].Procs)[h.pids["guardian"]] {
				t.Fatalf("found %v, want one launch with its guardian", found)
			}
			ended, err := found[0].End(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.awaitDark(t)
			if got := pidsOf(ended.Killed); got[h.pids["guardian"]] != stopped || got[h.pids["leader"]] != stopped {
				t.Errorf("killed %v, want everything exactly if the guardian was stopped", ended.Killed)
			}
			eventually(t, "the guardian has ended", func() bool { return !alivePID(h.pids["guardian"]) })
			checkNoneMarked(t, marker)
			checkEmpty(t, h.opts.StateDir)
		})
	}
}

// noted writes a state file of a launch whose orchestrator has ended, changed as told.
func noted(t *testing.T, dir string, change func(*launchState)) launchState {
	t.Helper()
	s, err := newState(Options{RunDir: "/runs/1"})
	if err != nil {
		t.Fatal(err)
	}
	s.Orchestrator = endedProcess(t)
	s.Marker = newMarker(s.Orchestrator, s.Namespace, dir).String()
	change(&s)
	if _, err := noteLaunch(dir, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// endedProcess identifies a process that has ended.
func endedProcess(t *testing.T) identity {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := readProc(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	_ = cmd.Wait()
	return p.id()
}

// startBystander starts a fake process that belongs to no launch.
func startBystander(t *testing.T, b *beacon, env ...string) Proc {
	t.Helper()
	cmd := exec.Command(executable(t), "beacon=bystander", "hang")
	cmd.Env = append(append(os.Environ(), "FAKE_SERVER=1", "BEACON="+b.path), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	pid := b.await(t, 1)["bystander"]
	p, err := readProc(pid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A number that has come to mean another process is not touched, whatever part the state file gives it.
func TestLeftoverOfReusedNumbers(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startBystander(t, b)
	earlier := identity{PID: p.PID, Start: p.StartTicks - 1}
	for name, change := range map[string]func(*launchState){
		"guardian": func(s *launchState) { s.Guardian = earlier },
		"leader":   func(s *launchState) { s.Leader = earlier },
		"member":   func(s *launchState) { s.Members = []identity{earlier} },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s := noted(t, dir, change)
			found := leftovers(t, dir, s.Marker)
			if len(found) != 1 || len(found[0].Procs) != 0 || !strings.HasSuffix(found[0].String(), "nothing is left of it but its state file") {
				t.Fatalf("found %v, want a launch without processes", found)
			}
			ended, err := found[0].End(t.Context())
			if err != nil || len(ended.Killed) != 0 {
				t.Errorf("killed %v, error %v; want none", ended.Killed, err)
			}
			checkEmpty(t, dir)
			if now, err := readProc(p.PID); err != nil || now.id() != p.id() || !now.alive() {
				t.Errorf("the bystander is %+v, %v", now, err)
			}
		})
	}
}

// The same file with the right time ends it.
func TestLeftoverOfAMember(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startBystander(t, b)
	dir := filepath.Join(t.TempDir(), "state")
	s := noted(t, dir, func(s *launchState) { s.Members = []identity{p.id()} })
	found := leftovers(t, dir, s.Marker)
	if len(found) != 1 {
		t.Fatalf("found %v, want one launch", found)
	}
	ended, err := found[0].End(t.Context())
	if diff := cmp.Diff(pidsOf(ended.Killed), map[int]bool{p.PID: true}); diff != "" || err != nil {
		t.Errorf("killed (-got +want), error %v:\n%s", err, diff)
	}
	b.awaitDark(t)
}

func TestLeftoversLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBeacon(t)
	p := startBystander(t, b)
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	member := func(s *launchState) { s.Members = []identity{p.id()} }
	tests := []struct {
		name   string
		change func(*launchState)
		// err is why it is left alone; "" if the file is removed, "-" if it is not even found.
		err string
	}{
		{"a live orchestrator", func(s *launchState) { s.Orchestrator = me }, "-"},
		{"an earlier boot", func(s *launchState) { s.Boot = "earlier" }, ""},
		{"another machine", func(s *launchState) { s.Boot, s.Machine = "its", "other" }, "it is of another machine, other"},
		{"another container", func(s *launchState) { s.Namespace++ }, "it is of another container (pid namespace)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s := noted(t, dir, func(s *launchState) { member(s); test.change(s) })
			found := leftovers(t, dir, s.Marker)
			if test.err == "-" {
				if len(found) != 0 {
					t.Errorf("found %v, want nothing", found)
				}
				return
			}
			if len(found) != 1 || len(found[0].Procs) != 0 {
				t.Fatalf("found %v, want a launch without processes", found)
			}
			_, err := found[0].End(t.Context())
			switch {
			case test.err == "" && err != nil:
				t.Error(err)
			case test.err == "":
				checkEmpty(t, dir)
			case err == nil || err.Error() != test.err || !strings.Contains(found[0].String(), "left alone: "+test.err):
				t.Errorf("got %v, want %s", err, test.err)
			}
		})
	}
	if now, err := readProc(p.PID); err != nil || now.id() != p.id() || !now.alive() {
		t.Errorf("the bystander is %+v, %v", now, err)
	}
}

func TestLeftoversReportsWhatItDoesNotTrust(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := makeStateDir(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.json": "{", "b.json": `{"version":7}`, "c.json.12": "half a file", "d.txt": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := leftovers(t, dir, "")
	if len(found) != 2 || found[0].Err == nil || found[1].Err == nil {
		t.Fatalf("found %v, want two files with errors", found)
	}
	for _, l := range found {
		if _, err := l.End(t.Context()); !errors.Is(err, l.Err) {
			t.Errorf("ended: %v, want %v", err, l.Err)
		}
		if _, err := os.Stat(l.File); err != nil {
			t.Error(err)
		}
	}
	if found, err := Leftovers(filepath.Join(dir, "none")); err != nil {
		t.Errorf("a folder that does not exist: %v, %v", found, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Leftovers(dir); err == nil || !strings.Contains(err.Error(), "has mode 0777") {
		t.Errorf("a folder that anybody can write to: %v", err)
	}
}

// The marker alone is enough, if its orchestrator has ended.
func TestLeftoversByMarker(t *testing.T) {
	t.Parallel()
	me, err := self()
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := pidNamespace(0)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "notes") // need not exist
	tests := []struct {
		name   string
		marker string
		found  bool
	}{
		{"a dead orchestrator", newMarker(endedProcess(t), namespace, dir).String(), true},
		{"a dead orchestrator that noted elsewhere", newMarker(endedProcess(t), namespace, t.TempDir()).String(), false},
		{"a number that means another process now", newMarker(identity{me.PID, me.Start - 1}, namespace, dir).String(), true},
		{"a live orchestrator", newMarker(me, namespace, dir).String(), false},
		{"another container", newMarker(endedProcess(t), namespace+1, dir).String(), false},
		{"not a marker of ours", "mine", false},
		{"none", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBeacon(t)
			p := startBystander(t, b, MarkerName+"="+test.marker)
			all, err := Leftovers(filepath.Join(dir, "other"), dir)
			if err != nil {
				t.Fatal(err)
			}
			var found []Leftover
			for _, l := range all {
				if pidsOf(l.Procs)[p.PID] {
					found = append(found, l)
				}
			}
			if !test.found {
				if len(found) != 0 {
					t.Errorf("found %v", found)
				}
				return
			}
			if len(found) != 1 || found[0].File != "" {
				t.Fatalf("found %v, want one without a file", found)
			}
			if _, err := found[0].End(t.Context()); err != nil {
				t.Error(err)
			}
			b.awaitDark(t)
			checkNoneMarked(t, test.marker)
		})
	}
}

// The end of a leftover is bounded.
func TestLeftoverEndGivesUp(t *testing.T) {
	t.Parallel()
	e := ending{tree: tree{line: &lineage{}}, swept: sweptProcs{}}
	if err := e.survivors(time.Second); err != nil {
		t.Errorf("nothing is left: %v", err)
	}
	b := newBeacon(t)
	p := startBystander(t, b)
	e.tree.line.remember([]identity{p.id()})
	var stop *StopError
	if err := e.survivors(time.Second); !errors.As(err, &stop) || len(stop.Survivors) != 1 || stop.Survivors[0].PID != p.PID {
		t.Errorf("got %v, want a StopError with the one that is left", err)
	}
}
