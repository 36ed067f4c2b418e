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
}

// String names the process for people: pid and command line.
func (p Proc) String() string {
	if p.Command == "" {
		return fmt.Sprintf("pid %d", p.PID)
	}
	return fmt.Sprintf("pid %d (%s)", p.PID, p.Command)
}

// alive tells whether the process can still hold anything. A zombie cannot, unless it is the ended main thread of a process
// whose other threads are still running or still giving back memory.
func (p Proc) alive() bool {
	return p.State != 'X' && (p.State != 'Z' || p.Threads > 1)
}
