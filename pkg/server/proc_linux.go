package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxCommand bounds the length of Proc.Command in bytes.
const maxCommand = 200

// siginfoChild is the part of siginfo_t that waitid fills in.
type siginfoChild struct {
	_    [2]int32
	code int32
	// The union behind code is aligned to a pointer.
	_      [^uint(0) >> 63]int32
	pid    int32
	_      uint32
	status int32
}

// The codes of siginfo_t for a child that ended by itself or by a signal.
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// awaitLeader waits until the process has ended and does not reap it: as long as it is a zombie, its number, which is also
// that of its group and its session, cannot come to mean anybody else, and so both can be swept safely.
func awaitLeader(p *os.Process) leaderEnd {
	end, _ := waitLeader(p.Pid, 0)
	return end
}

// leaderEnded tells whether the process has ended, without waiting for it.
func leaderEnded(p *os.Process) bool {
	_, ended := waitLeader(p.Pid, unix.WNOHANG)
	return ended
}

func waitLeader(pid, flags int) (end leaderEnd, ended bool) {
	var info unix.Siginfo
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
	}
	if err != nil {
		// ECHILD: whoever started us has SIGCHLD ignored, and the kernel reaped the child itself.
		return leaderEnd{status: -1}, true
	}
	child := (*siginfoChild)(unsafe.Pointer(&info))
	switch child.code {
	case cldExited:
		return leaderEnd{status: int(child.status)}, true
	case cldKilled, cldDumped:
		return leaderEnd{status: -1, signal: syscall.Signal(child.status)}, true
	}
	return leaderEnd{}, false
}

// reapLeader removes the zombie that awaitLeader left.
func reapLeader(p *os.Process) {
	// The status is known already; an error means that there is nothing left to reap.
	_, _ = p.Wait()
}

// members returns the processes of the tree's group or session that are still alive.
func (t tree) members() ([]Proc, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var procs []Proc
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process that cannot be read has ended since, or is none of ours.
		p, err := readProc(pid)
		if err == nil && (p.PGID == t.leader || p.SID == t.leader) && p.alive() {
			p.Command = commandLine(pid, p.Command)
			procs = append(procs, p)
		}
	}
	return procs, nil
}

// signal sends sig to the very process that p describes, never to another that was given its number since.
func (t tree) signal(p Proc, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return unix.Kill(p.PID, sig)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	now, err := readProc(p.PID)
	if err != nil || now.StartTicks != p.StartTicks {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// readProc describes process pid; Command is its name only.
func readProc(pid int) (Proc, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Proc{}, err
	}
	return parseStat(data)
}

// parseStat reads /proc/PID/stat. The second field, the name, stands in parentheses and may contain anything, parentheses
// and newlines included; what follows its last parenthesis is plain.
func parseStat(data []byte) (Proc, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return Proc{}, fmt.Errorf("process status: no name in %.80q", data)
	}
	// fields[0] is field 3 of proc(5).
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 20 || len(fields[0]) != 1 {
		return Proc{}, fmt.Errorf("process status: %d fields after the name, want at least 20, in %.80q", len(fields), data)
	}
	p := Proc{State: fields[0][0], Command: "[" + string(data[open+1:end]) + "]"}
	var errs [6]error
	p.PID, errs[0] = strconv.Atoi(strings.TrimSpace(string(data[:open])))
	p.PPID, errs[1] = strconv.Atoi(fields[1])
	p.PGID, errs[2] = strconv.Atoi(fields[2])
	p.SID, errs[3] = strconv.Atoi(fields[3])
	p.Threads, errs[4] = strconv.Atoi(fields[17])
	p.StartTicks, errs[5] = strconv.ParseUint(fields[19], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return Proc{}, fmt.Errorf("process status: %w", err)
	}
	return p, nil
}

// commandLine returns the command line of pid for people, or fallback for a process without one.
func commandLine(pid int, fallback string) string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	data = bytes.TrimRight(data, "\x00")
	if err != nil || len(data) == 0 {
		return fallback
	}
	argv := strings.Split(string(data), "\x00")
	return abbreviate(clean(strings.Join(MaskArgv(argv), " ")), maxCommand)
}
