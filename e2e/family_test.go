//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// family is the processes that carry a mark, and all that came from them: their descendants, and those in sessions that one
// of them leads. Each look finds more, and what was found once is known for ever by number and start. So a process is still
// known when its parent has gone and its environment has been written over.
type family struct {
	mark  string
	known map[identity]process
}

func newFamily(mark string) *family { return &family{mark: mark, known: map[identity]process{}} }

// look returns the members that run.
func (f *family) look(t *testing.T) []process {
	t.Helper()
	all := processes(t)
	byPID := make(map[int]identity, len(all))
	for _, p := range all {
		byPID[p.pid] = p.identity
	}
	sessions := f.sessions(byPID)
	// A child may stand before its parent.
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !f.knows(p.identity) && (p.inherited(f.mark) || sessions[p.session] || f.knows(byPID[p.parent])) {
				f.known[p.identity] = p
				grown = true
			}
		}
	}
	var members []process
	for _, p := range all {
		if f.knows(p.identity) {
			f.known[p.identity] = p // it may have made a session of its own meanwhile
			members = append(members, p)
		}
	}
	return members
}

func (f *family) knows(id identity) bool {
	_, known := f.known[id]
	return known
}

// sessions are those that a member leads or led, unless the number has come to mean somebody else.
func (f *family) sessions(byPID map[int]identity) map[int]bool {
	led := map[int]bool{}
	for id, p := range f.known {
		if now, taken := byPID[id.pid]; id.pid == p.session && (!taken || now == id) {
			led[id.pid] = true
		}
	}
	return led
}

// kill kills every member that runs, until none does. It does not wait longer than limit.
func (f *family) kill(t *testing.T, limit time.Duration) {
	t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	timeout := time.After(limit)
	for members := f.look(t); len(members) > 0; members = f.look(t) {
		for _, p := range members {
			if err := p.kill(); err != nil {
				t.Logf("killing %v: %v", p, err)
			}
		}
		select {
		case <-timeout:
			t.Errorf("still there %v after SIGKILL: %v", limit, members)
			return
		case <-tick.C:
		}
	}
}

// kill sends SIGKILL to this process and to no later one of the same number. That it has ended is no error.
func (p process) kill() error {
	// The handle stands for the process that has the number now, whatever becomes of the number.
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return nil
	}
	defer handle.Release()
	now, ok := readProcess(fmt.Sprintf("/proc/%d", p.pid))
	if !ok || now.identity != p.identity || now.state == "Z" {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// TestFamily: processes without the mark, one of them with a session of its own, are found, also when their parent has gone.
func TestFamily(t *testing.T) {
	const mark = "SQZB_E2E_MARK=TestFamily"
	f := newFamily(mark)
	t.Cleanup(func() { f.kill(t, sweepLimit) })
	cmd := exec.Command("sh", "-c", "env -i setsid sh -c 'sleep 301 & wait' & env -i sleep 302 & wait")
	cmd.Env = append(os.Environ(), mark)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(lookEvery / 20)
	defer tick.Stop()
	timeout := time.After(time.Minute)
	grown := func(members []process) bool {
		var sessions, sleepers int
		for _, p := range members {
			if p.session == p.pid {
				sessions++
			}
			if strings.HasPrefix(p.title, "sleep 30") && !p.inherited(mark) {
				sleepers++
			}
		}
		return sessions == 1 && sleepers == 2
	}
	for !grown(f.look(t)) {
		select {
		case <-timeout:
			t.Fatalf("found %v; want the shell, a session's leader, and two sleepers without the mark", f.look(t))
		case <-tick.C:
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if left := f.look(t); !grown(left) || slices.ContainsFunc(left, func(p process) bool { return p.pid == cmd.Process.Pid }) {
		t.Errorf("found %v after the end of their parent; want the session's leader and the two sleepers", left)
	}
	f.kill(t, sweepLimit)
	if left := f.look(t); len(left) > 0 {
		t.Errorf("found %v after all were killed", left)
	}
}
