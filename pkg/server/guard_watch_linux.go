package server

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The time between two looks at the members that are known, and how many of these make a look at all processes.
const (
	watchInterval = 250 * time.Millisecond
	watchesALook  = 4
)

// maxTold bounds how many members' ends are told, which is news only once.
const maxTold = 64

// watchedMember is a process of the server whose end matters.
type watchedMember struct {
	proc Proc
	name string
	// fd is a descriptor of the process, −1 when the system has none.
	fd int
}

// watch follows the server until the orchestrator is finished, or has ended: it returns which.
func (g *guard) watch() (finished bool) {
	g.lookAround()
	next := time.Now().Add(watchInterval)
	for turn := 1; ; {
		commands := g.wait(time.Until(next))
		if commands {
			command, err := g.in.next()
			if err != nil || string(command) == commandFinish {
				return err == nil
			}
			if string(command) == commandReady {
				g.becomeReady()
				g.tell(guardEvent{Kind: eventReady})
			}
		}
		g.lookAtMembers()
		if now := time.Now(); !now.Before(next) {
			next = now.Add(watchInterval)
			if turn++; turn%watchesALook == 0 {
				g.lookAround()
			}
		}
	}
}

// wait waits until there is a command, until the leader or a member that is watched ends, or until the time is up. It tells
// whether there is a command.
func (g *guard) wait(limit time.Duration) bool {
	if g.in.buffered() {
		return true
	}
	fds := []unix.PollFd{{Fd: int32(g.in.fd), Events: unix.POLLIN}}
	if g.leaderFD >= 0 && !g.exited {
		fds = append(fds, unix.PollFd{Fd: int32(g.leaderFD), Events: unix.POLLIN})
	}
	for _, m := range g.watched {
		if m.fd >= 0 {
			fds = append(fds, unix.PollFd{Fd: int32(m.fd), Events: unix.POLLIN})
		}
	}
	// A signal ends the wait early, which does no harm.
	n, err := unix.Poll(fds, int(max(limit, 0).Milliseconds())+1)
	return err == nil && n > 0 && fds[0].Revents != 0
}

// lookAtMembers tells which of those that matter have ended.
//
// Note: a leader that a signal ended takes the blame for what ended in the same moment. Any other leader that ends may have
// done so because of a member: vLLM's exits, with status 0, when its engine has died.
func (g *guard) lookAtMembers() {
	if g.exited {
		return
	}
	end, ended := waitLeader(g.tree.leader, unix.WNOHANG)
	if !ended || end.signal == 0 {
		g.tellLost()
	}
	if ended {
		g.exited = true
		g.tell(guardEvent{Kind: eventExited, PID: g.tree.leader, Status: end.status, Signal: end.signal})
	}
}

// tellLost tells of the members that have ended, those that a signal ended first: they are the likelier cause.
func (g *guard) tellLost() {
	var lost []guardEvent
	for id, m := range g.watched {
		p, err := readProc(id.PID)
		if err == nil && p.id() == id && p.State != 'Z' && p.State != 'X' {
			continue
		}
		end := endOf(m.fd, id)
		lost = append(lost, guardEvent{Kind: eventLost, PID: id.PID, Start: id.Start, Status: end.status, Signal: end.signal,
			Name: m.name, Command: m.proc.Command})
		g.unwatch(id)
	}
	slices.SortFunc(lost, func(a, b guardEvent) int {
		return cmp.Or(cmp.Compare(min(b.Signal, 1), min(a.Signal, 1)), cmp.Compare(a.PID, b.PID))
	})
	for _, e := range lost {
		if g.ready && g.told < maxTold {
			g.told++
			g.tell(e)
		}
	}
}

func (g *guard) unwatch(id identity) {
	if fd := g.watched[id].fd; fd >= 0 {
		unix.Close(fd)
	}
	delete(g.watched, id)
}

// lookAround looks at all processes: it learns who has come and how they call themselves, reaps orphans that have ended, and
// writes down who is there.
func (g *guard) lookAround() {
	all, err := processes()
	if err != nil {
		return
	}
	// Only what has left the family, the session and every look so far is missed, and the final sweep looks for markers.
	ours := g.tree.line.of(all, nil)
	g.reapAmong(ours)
	ours = slices.DeleteFunc(ours, func(p Proc) bool { return !p.alive() || p.PID == g.tree.leader })
	members := make([]identity, len(ours))
	for i, p := range ours {
		members[i] = p.id()
		g.learn(p)
	}
	g.present = members
	if !slices.Equal(members, g.recorded) {
		g.record(members)
	}
}

// learn notes what a member calls itself by now, and watches it if that matters.
func (g *guard) learn(p Proc) {
	argv := argvOf(p.PID)
	m := g.watched[p.id()]
	name := titleOf(argv)
	switch {
	case name == "":
		return
	case m == nil:
		g.watchMember(p, name)
	default:
		m.name, m.proc.Command = name, commandLine(p.PID, p.Command)
	}
}

func (g *guard) watchMember(p Proc, name string) {
	m := &watchedMember{proc: p, name: name, fd: -1}
	m.proc.Command = commandLine(p.PID, p.Command)
	if fd, err := unix.PidfdOpen(p.PID, 0); err == nil {
		m.fd = fd
	}
	g.watched[p.id()] = m
}

// becomeReady takes stock of a server that has just become ready: besides those whose title says so, the processes that then
// make up the server matter.
func (g *guard) becomeReady() {
	g.ready = true
	before := slices.Clone(g.present)
	g.lookAround()
	members, err := g.tree.members()
	if err != nil {
		return
	}
	views := make([]memberView, len(members))
	for i, p := range members {
		views[i] = memberView{Proc: p, argv: argvOf(p.PID), seen: slices.Contains(before, p.id())}
	}
	sockets := map[string]bool{}
	if port := g.job.State.Port; port != 0 {
		for _, s := range socketsOn(g.job.State.Host, port) {
			sockets[s.link()] = true
		}
	}
	for i, p := range members {
		views[i].listens = len(sockets) > 0 && holds(p.PID, sockets)
	}
	for id, name := range thoseThatMatter(g.tree.line.leader, views) {
		if g.watched[id] == nil {
			i := slices.IndexFunc(members, func(p Proc) bool { return p.id() == id })
			g.watchMember(members[i], name)
		}
	}
	g.job.State.Ready = time.Now().UTC()
	g.record(g.present)
}

// endOf returns how a process that was watched ended, as far as it can still be told: its parent need not be us. Status −1
// stands for unknown.
func endOf(fd int, id identity) leaderEnd {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	if fd >= 0 && unix.IoctlPidfdInfo(fd, &info) == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
		return waitStatus(syscall.WaitStatus(info.Exit_code))
	}
	if status, err := zombieStatus(id); err == nil {
		return waitStatus(status)
	}
	return leaderEnd{status: -1}
}

func waitStatus(ws syscall.WaitStatus) leaderEnd {
	if ws.Signaled() {
		return leaderEnd{status: -1, signal: ws.Signal()}
	}
	return leaderEnd{status: ws.ExitStatus()}
}
