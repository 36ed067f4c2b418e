package server

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Member is a process of a server, other than its leader, without which the server cannot do its work: its engine, a worker,
// the API server behind a wrapper.
type Member struct {
	PID int
	// Name is what the process calls itself, such as VLLM::EngineCore, or what part it has in the server.
	Name string
	// Command is its command line, secrets masked.
	Command string
}

// String names the member for people: name and pid.
func (m Member) String() string { return fmt.Sprintf("%s (pid %d)", m.Name, m.PID) }

// titlePrefix begins the titles that vLLM gives its processes since 0.10.1.
const titlePrefix = "VLLM::"

// titleOf returns the title that vLLM gave the process, "" for none.
func titleOf(argv []string) string {
	if len(argv) > 0 && strings.HasPrefix(argv[0], titlePrefix) {
		return strings.TrimSpace(argv[0])
	}
	return ""
}

// memberView is what is to be seen of a process of a server that has just become ready.
type memberView struct {
	Proc
	argv []string
	// listens is true when the process has the server's listening socket open, seen when an earlier look had found it, too.
	listens, seen bool
}

// thoseThatMatter returns the processes whose end is the server's end, with what to call them: those that vLLM gave a title,
// Python's multiprocessing children but not its helpers, and for versions without titles that fork, the likes of the API
// server; behind a wrapper the API server, which is who listens, and what stands between it and the leader. The leader is left
// out.
func thoseThatMatter(leader identity, members []memberView) map[identity]string {
	byPID := map[int]memberView{}
	for _, m := range members {
		byPID[m.PID] = m
	}
	matter := map[identity]string{}
	servers := servers(leader, members)
	for _, m := range members {
		switch {
		case isHelper(m.argv):
		case titleOf(m.argv) != "":
			matter[m.id()] = titleOf(m.argv)
		case isSpawned(m.argv):
			matter[m.id()] = "multiprocessing worker"
		case m.seen && slices.ContainsFunc(servers, func(s memberView) bool { return isFork(m, s, byPID) }):
			matter[m.id()] = "worker process"
		}
	}
	for _, s := range servers {
		name := "API server"
		for m, found := s, true; found && m.id() != leader; m, found = byPID[m.PPID] {
			if matter[m.id()] == "" {
				matter[m.id()] = name
			}
			name = "wrapper"
			if len(byPID[m.PPID].argv) > 0 {
				name += " " + filepath.Base(byPID[m.PPID].argv[0])
			}
		}
	}
	delete(matter, leader)
	return matter
}

// servers returns who listens or, when nobody is seen to, the leader. Children share the socket of a parent that they were
// forked from, so that only the topmost ones count.
func servers(leader identity, members []memberView) []memberView {
	listening := map[int]bool{}
	for _, m := range members {
		listening[m.PID] = m.listens
	}
	var found []memberView
	for _, m := range members {
		if m.listens && !listening[m.PPID] {
			found = append(found, m)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, m := range members {
		if m.id() == leader {
			return []memberView{m}
		}
	}
	return nil
}

// isHelper tells a helper of Python's multiprocessing module, which comes and goes with those that it helps.
func isHelper(argv []string) bool {
	return slices.ContainsFunc(argv, func(arg string) bool {
		return strings.Contains(arg, "multiprocessing.resource_tracker") || strings.Contains(arg, "multiprocessing.forkserver")
	})
}

// isSpawned tells a child that Python's multiprocessing module started as a new interpreter.
func isSpawned(argv []string) bool {
	return slices.ContainsFunc(argv, func(arg string) bool {
		return strings.Contains(arg, "multiprocessing.spawn import spawn_main") || arg == "--multiprocessing-fork"
	})
}

// isFork tells whether m is a descendant of the server that still has its command line.
func isFork(m, server memberView, byPID map[int]memberView) bool {
	if m.PID == server.PID || len(m.argv) == 0 || !slices.Equal(m.argv, server.argv) {
		return false
	}
	// The depth of a tree is bounded by its size, a loop in a torn picture of it is not.
	for range byPID {
		if m.PPID == server.PID {
			return true
		}
		parent, found := byPID[m.PPID]
		if !found {
			return false
		}
		m = parent
	}
	return false
}
