package server

import (
	"fmt"
	"time"
)

// Leftover is what is left of a launch whose orchestrator has ended without stopping its server: a state file, and as a rule
// processes.
type Leftover struct {
	// File is the state file; empty for processes that only their marker gives away.
	File string
	// Command, RunDir and Port are what the launch was, Started when it was; zero where the file does not tell.
	Command, RunDir string
	Port            int
	Started         time.Time
	// StopCommand is how the launch would have stopped a server in a container, which End cannot see and leaves alone.
	StopCommand []string
	// Procs are the processes that are alive and provably of the launch, its guardian included, by pid.
	Procs []Proc
	// Err is why this is reported only and End does nothing: a file that is not to be trusted, or is of another machine or
	// container. It is nil otherwise.
	Err error

	state    launchState
	rebooted bool
}

// Ended says how the end of a leftover went.
type Ended struct {
	// Killed are the processes that were killed, by pid; those that their guardian killed first are not among them.
	Killed []Proc
	// Took is the time until nothing was left.
	Took time.Duration
}

// String says what was found, in one line.
func (l Leftover) String() string {
	what := "processes with a launch marker and no state file"
	if l.File != "" {
		what = l.File
	}
	if l.Err != nil {
		return fmt.Sprintf("%s: left alone: %v", what, l.Err)
	}
	if !l.Started.IsZero() {
		what = fmt.Sprintf("launch of %s (%s)", l.Started.Format(time.RFC3339), l.Command)
	}
	if l.RunDir != "" {
		what += " in " + l.RunDir
	}
	switch len(l.Procs) {
	case 0:
		return what + ": nothing is left of it but its state file"
	case 1:
		return fmt.Sprintf("%s: 1 process: %v", what, l.Procs[0])
	}
	return fmt.Sprintf("%s: %d processes, the first: %v", what, len(l.Procs), l.Procs[0])
}
