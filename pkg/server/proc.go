package server

import "fmt"

// Proc is a process as the system describes it.
type Proc struct {
	PID int
	// PPID, PGID and SID are the parent, the process group and the session.
	PPID, PGID, SID int
	// State is the kernel's letter: R running, S sleeping, D in uninterruptible sleep, T stopped, Z zombie; 0 if not known.
	State byte
	// Threads is the number of threads that are left.
	Threads int
	// StartTicks is when the process started, in clock ticks since boot: PID and StartTicks identify a process.
	StartTicks uint64
	// Command is the command line, or the name in brackets where there is none.
	Command string
	// WaitChannel is the kernel function that the process, or the thread of it that is in uninterruptible sleep, waits in;
	// Stack is the kernel stack of that thread, innermost first, which only root may read. Both are filled in for people
	// only, where a process does not go away or a tree is described, and empty where the system does not tell.
	WaitChannel, Stack string
}

// String names the process for people: pid and command line.
func (p Proc) String() string {
	if p.Command == "" {
		return fmt.Sprintf("pid %d", p.PID)
	}
	return fmt.Sprintf("pid %d (%s)", p.PID, p.Command)
}

// describe is String with the state of a process that ought to be gone, and what it waits for.
func (p Proc) describe() string {
	text := p.String()
	if p.State != 0 {
		text += fmt.Sprintf(" in state %c", p.State)
	}
	if p.WaitChannel != "" {
		text += " at " + p.WaitChannel
	}
	if p.Stack != "" {
		text += ", kernel stack " + p.Stack
	}
	return text
}

// alive tells whether the process can still hold anything. A zombie cannot, unless it is the ended main thread of a process
// whose other threads are still running or still giving back memory.
func (p Proc) alive() bool {
	return p.State != 'X' && (p.State != 'Z' || p.Threads > 1)
}
