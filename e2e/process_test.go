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
	pid, session int
	state, title string
	environ      []byte
}

func (p process) String() string { return fmt.Sprintf("%d (%s) %s", p.pid, p.state, p.title) }

// inheritors are the running processes that have the variable mark (NAME=value) in the environment they were started with.
// A child that starts a session of its own, or changes its title, is found all the same.
func inheritors(t *testing.T, mark string) []string {
	t.Helper()
	return running(t, func(p process) bool {
		return slices.ContainsFunc(bytes.Split(p.environ, []byte{0}), func(v []byte) bool { return string(v) == mark })
	})
}

// membersOf are the processes in one of the sessions, zombies included.
func membersOf(t *testing.T, sessions []int) []string {
	t.Helper()
	return running(t, func(p process) bool { return slices.Contains(sessions, p.session) })
}

// running lists the processes that match, this one and zombies left out: a zombie holds nothing, and when it goes is up to
// whoever inherited it.
func running(t *testing.T, match func(process) bool) []string {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no processes in /proc (%v): this test needs Linux", err)
	}
	var found []string
	for _, folder := range folders {
		if p, ok := readProcess(folder); ok && p.pid != os.Getpid() && p.state != "Z" && match(p) {
			found = append(found, p.String())
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
	// session.
	name, rest, found := cutLast(string(stat), ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 4 {
		return process{}, false
	}
	p.pid, _ = strconv.Atoi(filepath.Base(folder))
	p.session, _ = strconv.Atoi(fields[3])
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
