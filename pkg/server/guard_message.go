package server

import (
	"io/fs"
	"syscall"
	"time"
)

// guardJob is what a guardian is told to do: the first line on its standard input.
type guardJob struct {
	// Path is the program, Argv its arguments with its name first, Env its whole environment.
	Path    string   `json:"path"`
	Argv    []string `json:"argv"`
	Env     []string `json:"env"`
	Dir     string   `json:"dir"`
	LogPath string   `json:"log_path"`
	// State is what the state file says so far, StateFile where it is; empty for none.
	State     launchState `json:"state"`
	StateFile string      `json:"state_file"`
	// GoneTimeout bounds the wait for killed processes.
	GoneTimeout time.Duration `json:"gone_timeout"`
}

// The lines that follow the job. The end of the input says that the orchestrator has ended.
const (
	// commandReady says that the server is ready: from now on every member that ends is told.
	commandReady = "ready"
	// commandFinish says that nothing of the server is left, or that it may be killed.
	commandFinish = "finish"
)

// guardEvent is a line on a guardian's standard output.
type guardEvent struct {
	Kind string `json:"kind"`
	// PID and Start are the process that the event is about.
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"`
	// Status and Signal are how it ended.
	Status int            `json:"status,omitempty"`
	Signal syscall.Signal `json:"signal,omitempty"`
	// Name and Command describe a member.
	Name    string `json:"name,omitempty"`
	Command string `json:"command,omitempty"`
	// Error is why the server was not started; Op, Path and Errno are its parts where it was refused by the kernel.
	Error string        `json:"error,omitempty"`
	Op    string        `json:"op,omitempty"`
	Path  string        `json:"path,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
}

// The kinds of events: the server was started, or not; those that matter of a server that is ready are known; its leader ended;
// another process that matters ended.
const (
	eventStarted = "started"
	eventFailed  = "failed"
	eventReady   = "ready"
	eventExited  = "exited"
	eventLost    = "lost"
)

// failure is the error of an event of kind failed.
func (e guardEvent) failure() error {
	if e.Errno == 0 {
		return guardError(e.Error)
	}
	return &fs.PathError{Op: e.Op, Path: e.Path, Err: e.Errno}
}

// guardError is what a guardian reports in words.
type guardError string

func (e guardError) Error() string { return string(e) }
