package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// members returns the processes of the tree that are still alive, by pid.
func (t tree) members() ([]Proc, error) {
	procs, err := t.look()
	if err != nil {
		return nil, err
	}
	procs = slices.DeleteFunc(procs, func(p Proc) bool { return !p.alive() })
	for i, p := range procs {
		procs[i].Command = commandLine(p.PID, p.Command)
	}
	return procs, nil
}

// look returns the processes of the tree, zombies included, by pid.
func (t tree) look() ([]Proc, error) {
	if t.line == nil {
		return nil, nil
	}
	all, err := processes()
	if err != nil {
		return nil, err
	}
	return t.line.of(all, markerOf), nil
}

// processes returns all processes there are; Command is the name only.
func processes() ([]Proc, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var procs []Proc
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// A process that cannot be read has ended since, or is none of ours.
		if p, err := readProc(pid); err == nil {
			procs = append(procs, p)
		}
	}
	return procs, nil
}

// groupIsOurs tells whether the number of the leader's group can mean no other group: the leader, be it as a zombie, still
// has it.
func (t tree) groupIsOurs() bool {
	if t.line == nil || t.line.leader.PID == 0 {
		return false
	}
	p, err := readProc(t.line.leader.PID)
	return err == nil && p.id() == t.line.leader
}

// signal sends sig to the very process that p describes, never to another that was given its number since.
func (t tree) signal(p Proc, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	// The descriptor, which cannot change hands, was opened before the look at whom it means.
	if now, err := readProc(p.PID); err != nil || now.id() != p.id() {
		return unix.ESRCH
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return unix.Kill(p.PID, sig)
	}
	if err != nil {
		return err
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
	argv := argvOf(pid)
	if len(argv) == 0 {
		return fallback
	}
	return abbreviate(clean(strings.Join(MaskArgv(argv), " ")), maxCommand)
}

// argvOf returns the command line of pid as it is now; nil for none.
func argvOf(pid int) []string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	data = bytes.TrimRight(data, "\x00")
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(string(data), "\x00")
}

// zombieStatus returns the status of a process that has ended and was not reaped yet: the last field of its status.
func zombieStatus(id identity) (syscall.WaitStatus, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id.PID), "stat"))
	if err != nil {
		return 0, err
	}
	p, err := parseStat(data)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if p.id() != id || p.State != 'Z' || len(fields) < 50 {
		return 0, fmt.Errorf("status of pid %d: it is no zombie any more", id.PID)
	}
	status, err := strconv.Atoi(fields[49])
	if err != nil || status == 0 {
		// 0 is also what those see who may not know.
		return 0, fmt.Errorf("status of pid %d: not told", id.PID)
	}
	return syscall.WaitStatus(status), nil
}

// leaderEnded tells whether the leader, which is not our child, has ended.
func (t tree) leaderEnded() bool {
	p, err := readProc(t.line.leader.PID)
	return err != nil || p.id() != t.line.leader || p.State == 'Z' || p.State == 'X'
}

// reapAdopted removes the zombies of the tree that have become our children when the guardian ended.
func (t tree) reapAdopted() {
	procs, err := t.look()
	if err != nil {
		return
	}
	for _, p := range procs {
		if p.State == 'Z' && p.PPID == os.Getpid() {
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
		}
	}
}
