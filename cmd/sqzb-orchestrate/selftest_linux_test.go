package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMetronomeEndsWithUs: a selftest that is killed outright takes its metronome with it.
func TestMetronomeEndsWithUs(t *testing.T) {
	cmd, metronome := startSelftest(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), comesWithin)
	defer cancel()
	poll(ctx, func() bool { return !running(metronome) })
	if ctx.Err() != nil {
		t.Errorf("the metronome, process %d, outlived the selftest", metronome)
	}
}

// TestMetronomeDies: figures cannot be had then, and the exit code is that of a server that died.
func TestMetronomeDies(t *testing.T) {
	cmd, metronome := startSelftest(t)
	if err := syscall.Kill(metronome, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	said := cmd.Stderr.(*bytes.Buffer).String()
	if got := cmd.ProcessState.ExitCode(); got != 5 || !strings.Contains(said, "metronome: it ended: signal: killed") {
		t.Errorf("got exit code %d (%v) and\n%s\nwant 5 and the metronome's end", got, err, said)
	}
}

// startSelftest starts a long one and returns when its metronome is there.
func startSelftest(t *testing.T) (cmd *exec.Cmd, metronome int) {
	t.Helper()
	cmd = exec.Command("sqzb-orchestrate", "selftest", "--concurrency", "2", "--duration", "10m")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "TMPDIR="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // for the second time in a test that passes
	})
	ctx, cancel := context.WithTimeout(t.Context(), comesWithin)
	defer cancel()
	poll(ctx, func() bool {
		metronome = childOf(cmd.Process.Pid)
		return metronome != 0 && running(metronome)
	})
	if ctx.Err() != nil {
		t.Fatal("no metronome was started")
	}
	return cmd, metronome
}

// childOf is a child of a process; 0 when there is none.
func childOf(pid int) int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		child := 0
		if n, _ := fmt.Sscan(string(text), &child); n == 1 {
			return child
		}
	}
	return 0
}

// running tells whether a process is a metronome that has not ended.
func running(pid int) bool {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Contains(string(cmdline), "--sim-metronome")
}
