package server

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// withWaitChannel returns p with what it waits for in the kernel. A process whose main thread only waits for another one to
// go is described by that other one.
func withWaitChannel(p Proc) Proc {
	dir := filepath.Join("/proc", strconv.Itoa(p.PID))
	p.WaitChannel, p.Stack = waitChannel(dir)
	if p.State == 'D' {
		return p
	}
	// Glob fails only on a bad pattern.
	tasks, _ := filepath.Glob(dir + "/task/[0-9]*")
	for _, task := range tasks {
		data, err := os.ReadFile(task + "/stat")
		if err != nil {
			continue
		}
		if thread, err := parseStat(data); err == nil && thread.State == 'D' {
			p.State = 'D'
			p.WaitChannel, p.Stack = waitChannel(task)
			return p
		}
	}
	return p
}

// waitChannel reads the wait channel and the kernel stack from a folder of a process or a thread; empty where they are not
// to be had or where it does not wait.
func waitChannel(dir string) (channel, stack string) {
	if data, err := os.ReadFile(dir + "/wchan"); err == nil && string(data) != "0" {
		channel = clean(string(data))
	}
	data, err := os.ReadFile(dir + "/stack")
	if err != nil {
		return channel, ""
	}
	return channel, parseStack(string(data))
}

// maxFrames bounds a kernel stack that is shown.
const maxFrames = 8

// parseStack turns lines such as "[<0>] nv_wait+0x1a/0x30" into "nv_wait < os_lock < …".
func parseStack(text string) string {
	var frames []string
	for line := range strings.Lines(text) {
		_, frame, found := strings.Cut(line, "] ")
		frame, _, _ = strings.Cut(strings.TrimSpace(frame), "+")
		if found && frame != "" && len(frames) < maxFrames {
			frames = append(frames, clean(frame))
		}
	}
	return strings.Join(frames, " < ")
}
