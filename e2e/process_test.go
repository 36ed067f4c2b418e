//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// process is what /proc tells of one process.
type process struct {
	identity
	parent, session int
	state, title    string
	environ         []byte
}

// identity tells a process from a later one of the same number: start is when it started, in ticks since the machine did.
type identity struct {
	pid   int
	start uint64
}

func (p process) String() string { return fmt.Sprintf("%d (%s) %s", p.pid, p.state, p.title) }

// inherited tells whether p has the variable mark (NAME=value) in the environment it was started with. A child that starts a
// session of its own keeps it. One that changes its title may not: the new title is written over the environment, and of
// vLLM's processes the API server alone keeps it.
func (p process) inherited(mark string) bool {
	return slices.ContainsFunc(bytes.Split(p.environ, []byte{0}), func(v []byte) bool { return string(v) == mark })
}

// runs tells whether p runs the program at path.
func (p process) runs(path string) bool {
	its, err := os.Stat(fmt.Sprintf("/proc/%d/exe", p.pid))
	if err != nil {
		return false
	}
	program, err := os.Stat(path)
	return err == nil && os.SameFile(its, program)
}

// inheritors are the running processes that have the mark.
func inheritors(t *testing.T, mark string) []string {
	t.Helper()
	return running(t, func(p process) bool { return p.inherited(mark) })
}

// membersOf are the running processes in one of the sessions.
func membersOf(t *testing.T, sessions []int) []string {
	t.Helper()
	return running(t, func(p process) bool { return slices.Contains(sessions, p.session) })
}

// running lists the processes that match.
func running(t *testing.T, match func(process) bool) []string {
	t.Helper()
	var found []string
	for _, p := range processes(t) {
		if match(p) {
			found = append(found, p.String())
		}
	}
	return found
}

// processes are all that run, this one and zombies left out: a zombie holds nothing, and when it goes is up to whoever
// inherited it.
func processes(t *testing.T) []process {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no processes in /proc (%v): this test needs Linux", err)
	}
	var found []process
	for _, folder := range folders {
		if p, ok := readProcess(folder); ok && p.pid != os.Getpid() && p.state != "Z" && p.state != "X" {
			found = append(found, p)
		}
	}
	return found
}

// readProcess reads one folder of /proc; ok is false when the process ended meanwhile.
func readProcess(folder string) (p process, ok bool) {
	stat, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return process{}, false
	}
	// The second field is the name in parentheses and may hold anything; what follows the last one is: state, parent, group,
	// session, …, and as the twentieth the start.
	name, rest, found := cutLast(string(stat), ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return process{}, false
	}
	p.pid, _ = strconv.Atoi(filepath.Base(folder))
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	p.start, _ = strconv.ParseUint(fields[19], 10, 64)
	p.state, p.title = fields[0], name+")"
	if line, err := os.ReadFile(filepath.Join(folder, "cmdline")); err == nil && len(line) > 0 {
		p.title = strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	p.environ, _ = os.ReadFile(filepath.Join(folder, "environ")) // other users' processes are not ours
	return p, true
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
