package simulator

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ignores reads from /proc/PID/status whether a signal is ignored.
func ignores(status string, sig syscall.Signal) bool {
	_, rest, _ := strings.Cut(status, "SigIgn:\t")
	mask, err := strconv.ParseUint(strings.TrimSpace(rest[:min(16, len(rest))]), 16, 64)
	return err == nil && mask&(1<<(sig-1)) != 0
}

func TestStrays(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"double-fork", "own-session", "double-fork:phase=loading,after=1ms", "own-session:id=-warmup-0,phase=warm-up"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			f := startFamily(t, "--sim-fault", fault).ready()
			if strings.Contains(fault, "warm-up") {
				if status, _, err := f.instance().post("run-full-warmup-0", body(8, nil)); status != 200 || err != nil {
					t.Errorf("got %d, %v; want the request served", status, err)
				}
			}
			name, _, _ := strings.Cut(fault, ":")
			pid := f.stray(name)
			stray := f.find(titleStray)
			if stray.pid != pid || stray.session != pid {
				t.Errorf("got stray %+v, want process %d in a session of its own", stray, pid)
			}
			if name == "own-session" {
				if helper := f.find(titleParent); stray.parent != helper.pid || helper.session != f.cmd.Process.Pid {
					t.Errorf("got parent %d and helper %+v, want the helper, in the leader's session", stray.parent, helper)
				}
			} else if stray.parent == f.cmd.Process.Pid {
				t.Errorf("the stray is a child of the server")
			}
			status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
			if err != nil || !ignores(string(status), syscall.SIGTERM) || !ignores(string(status), syscall.SIGHUP) {
				t.Errorf("the stray does not ignore SIGTERM and SIGHUP: %v\n%s", err, status)
			}
			f.kill(f.cmd.Process.Pid, syscall.SIGTERM)
			if got := f.exit(); got != exitOK {
				t.Errorf("got exit status %d, want 0", got)
			}
			f.wantAlive(titleStray)
		})
	}
}
