package server

import (
	"os"
	"testing"
)

func guardianPID(p *Process) int { return p.guardian.cmd.Process.Pid }

// alive tells whether the process of that number, whoever it is, is alive.
func alivePID(pid int) bool {
	p, err := readProc(pid)
	return err == nil && p.alive()
}

// checkNoneMarked checks that no process that carries the launch's marker is alive.
func checkNoneMarked(t *testing.T, value string) {
	t.Helper()
	if value == "" {
		t.Error("no marker to look for")
	}
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if got, _ := markerOf(p.PID); got == value && p.alive() && p.PID != os.Getpid() {
			t.Errorf("%v is alive and carries the marker %s", p, value)
		}
	}
}
