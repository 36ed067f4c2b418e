package simulator

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestTree(t *testing.T) {
	t.Parallel()
	f := startFamily(t, "--sim-tree").ready()
	f.wantAlive(titleEngine, titleWorker, "leader", shownTracker)
	leader, engine, worker, tracker := f.find("leader"), f.find(titleEngine), f.find(titleWorker), f.find(shownTracker)
	if engine.parent != leader.pid || tracker.parent != leader.pid || worker.parent != engine.pid {
		t.Errorf("got parents of EngineCore, resource_tracker, Worker: %d, %d, %d; want %d, %d, %d",
			engine.parent, tracker.parent, worker.parent, leader.pid, leader.pid, engine.pid)
	}
	for _, p := range f.processes() {
		if p.session != leader.pid || !bytes.Contains(p.environ, []byte(f.mark)) {
			t.Errorf("%s: got session %d and environment %q; want session %d and the inherited environment", p.title, p.session, p.environ, leader.pid)
		}
	}
	if want := "(EngineCore pid=" + strconv.Itoa(engine.pid) + ")"; !strings.Contains(f.stderr.String(), want) {
		t.Errorf("got log\n%s\nwant a line of %s", f.stderr, want)
	}
	if status, text, err := f.instance().post("r", body(8, nil)); status != 200 || err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("got %d, %q, %v; want a stream", status, text, err)
	}
	f.kill(leader.pid, syscall.SIGTERM)
	if got := f.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
	f.awaitEnd(tracker.pid)
	f.wantAlive()
}

func TestTreeWithoutEnvironment(t *testing.T) {
	t.Parallel()
	f := startFamily(t, "--sim-tree", "--sim-wipe-environ", "--sim-fault", "own-session").ready()
	f.stderr.wait(t, "--sim-fault own-session: started process")
	for _, p := range f.processes() {
		if hidden := len(bytes.Trim(p.environ, "\x00")) == 0; hidden != (p.title != "leader") {
			t.Errorf("%s: got environment %q", p.title, p.environ)
		}
	}
	stray := f.stray("own-session")
	if environ, err := os.ReadFile("/proc/" + strconv.Itoa(stray) + "/environ"); err != nil || len(bytes.Trim(environ, "\x00")) > 0 {
		t.Errorf("stray: got environment %q, %v; want none", environ, err)
	}
	f.kill(stray, syscall.SIGKILL) // the family cannot find it
	f.awaitEnd(stray)
}

// The API server is killed, by itself or from outside: the others live on, as they do with vLLM.
func TestTreeOutlivesLeader(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"", "kill-api", "kill-api:request=0,tokens=1", "kill:request=0"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			args := []string{"--sim-tree"}
			if fault != "" {
				args = append(args, "--sim-fault", fault)
			}
			f := startFamily(t, args...).ready()
			switch {
			case fault == "":
				f.kill(f.cmd.Process.Pid, syscall.SIGKILL)
			case strings.Contains(fault, "request"):
				if _, text, err := f.instance().post("r", body(8, nil)); err == nil {
					t.Errorf("got a whole stream %q, want a broken one", text)
				}
			}
			if got := f.exit(); got != -int(syscall.SIGKILL) {
				t.Errorf("got exit status %d, want an end by SIGKILL", got)
			}
			f.wantAlive(titleEngine, titleWorker, shownTracker)
			tracker := f.find(shownTracker)
			f.kill(f.find(titleEngine).pid, syscall.SIGTERM) // ends Worker as well
			f.awaitEnd(tracker.pid)
			f.wantAlive()
		})
	}
}

func TestOrphanOnExit(t *testing.T) {
	t.Parallel()
	f := startFamily(t, "--sim-tree", "--sim-fault", "orphan-on-exit", "exit:request=0,status=0").ready()
	_, _, _ = f.instance().post("r", body(8, nil)) // breaks off
	if got := f.exit(); got != 0 {
		t.Errorf("got exit status %d, want 0", got)
	}
	f.wantAlive(titleEngine, titleWorker, shownTracker)
}

func TestTreeIgnoresSIGTERM(t *testing.T) {
	t.Parallel()
	f := startFamily(t, "--sim-tree", "--sim-fault", "ignore-sigterm").ready()
	for _, p := range f.processes() {
		if p.title == "leader" {
			f.kill(p.pid, syscall.SIGTERM)
			f.stderr.wait(t, signalIgnored)
			continue
		}
		status, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/status")
		if err != nil || !ignores(string(status), syscall.SIGTERM) {
			t.Errorf("%s does not ignore SIGTERM: %v", p.title, err)
		}
	}
	f.wantAlive(titleEngine, titleWorker, "leader", shownTracker)
}
