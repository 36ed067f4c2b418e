//go:build !linux

package server

import (
	"errors"
	"os"
	"syscall"
)

// awaitLeader waits until the process has ended, and reaps it.
func awaitLeader(p *os.Process) leaderEnd {
	state, err := p.Wait()
	if err != nil {
		return leaderEnd{status: -1}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return leaderEnd{status: -1, signal: ws.Signal()}
	}
	return leaderEnd{status: state.ExitCode()}
}

// leaderEnded is not known here before awaitLeader says so.
func leaderEnded(*os.Process) bool { return false }

// reapLeader has nothing to do: awaitLeader did it.
func reapLeader(*os.Process) {}

// members returns the tree's group as one entry, with the negative number by which it is signalled, as long as anything of it
// is alive: there is no portable way to name its processes.
func (t tree) members() ([]Proc, error) {
	// EPERM: only zombies are left.
	if err := syscall.Kill(-t.leader, 0); errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) {
		return nil, nil
	}
	return []Proc{{PID: -t.leader, PGID: t.leader, SID: t.leader, Command: "process group"}}, nil
}

// groupIsOurs is what has to be taken for granted here.
func (t tree) groupIsOurs() bool { return t.leader > 0 }

func (t tree) signal(p Proc, sig syscall.Signal) error {
	return syscall.Kill(p.PID, sig)
}

// listener is not known here.
func listener(string, int) *Proc { return nil }

// ListenOwners is not known here.
func ListenOwners(string, int) []Listener { return nil }

// OwnsPort is not known here, and nil.
func (p *Process) OwnsPort() error { return nil }

func (p *Process) listens([]Proc) bool { return false }

// look is not known here.
func (t tree) look() ([]Proc, error) { return nil, nil }

func (t tree) leaderEnded() bool { return false }

func (t tree) reapAdopted() {}

func commandLine(_ int, fallback string) string { return fallback }

func withWaitChannel(p Proc) Proc { return p }
