package telemetry

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file reads what Linux tells below /proc; elsewhere nothing is there, and nothing is known.

// readWaits is how long each thread of this process has waited for a processor: the second number of its schedstat, in
// nanoseconds (Documentation/scheduler/sched-stats.rst of the kernel). It is nil where there is none.
func readWaits(root fs.FS) map[string]time.Duration {
	files, err := fs.Glob(root, "proc/self/task/*/schedstat")
	if err != nil {
		return nil
	}
	var waits map[string]time.Duration
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue // the thread has ended
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			continue
		}
		ns, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		if waits == nil {
			waits = map[string]time.Duration{}
		}
		waits[path.Base(path.Dir(file))] = time.Duration(ns)
	}
	return waits
}

// waited sums by how much the waits of the threads grew; those of a thread that has ended meanwhile are lost.
func waited(before, after map[string]time.Duration) *time.Duration {
	if before == nil || after == nil {
		return nil
	}
	var sum time.Duration
	for thread, wait := range after {
		sum += max(wait-before[thread], 0)
	}
	return &sum
}

// stolen is processor time of the whole machine, in the kernel's ticks.
type stolen struct{ steal, total uint64 }

// readStolen reads the line cpu of /proc/stat: user, nice, system, idle, iowait, irq, softirq and steal (proc_stat(5)). It is
// nil where there is none.
func readStolen(root fs.FS) *stolen {
	const steal = 7
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return nil
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < steal+2 || fields[0] != "cpu" {
		return nil
	}
	var s stolen
	for i, field := range fields[1 : steal+2] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return nil
		}
		s.total += n
		if i == steal {
			s.steal = n
		}
	}
	return &s
}

// stolenShare is the stolen part of the processor time between two readings; nil where there was none.
func stolenShare(before, after *stolen) *float64 {
	if before == nil || after == nil || after.total <= before.total || after.steal < before.steal {
		return nil
	}
	share := float64(after.steal-before.steal) / float64(after.total-before.total)
	return &share
}

// readResent is how many TCP segments this machine has sent again since it started: RetransSegs of /proc/net/snmp. It is nil
// where that is not there.
func readResent(root fs.FS) *int {
	text, err := fs.ReadFile(root, "proc/net/snmp")
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] != "Tcp:":
		case names == nil:
			names = fields
		default:
			return number(names, fields, "RetransSegs")
		}
	}
	return nil
}

// number is the value that stands below a name.
func number(names, values []string, name string) *int {
	i := slices.Index(names, name)
	if i < 0 || i >= len(values) {
		return nil
	}
	n, err := strconv.Atoi(values[i])
	if err != nil {
		return nil
	}
	return &n
}
