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

// Waits is how long threads that were ready to run waited for a processor, all together, and how often one got its turn.
type Waits struct {
	Waited time.Duration
	Turns  int
}

// readWaits is how each thread of this process has waited so far: the second number of its schedstat, in nanoseconds, and the third
// (Documentation/scheduler/sched-stats.rst of the kernel). It is nil where there is none.
func readWaits(root fs.FS) map[string]Waits {
	files, err := fs.Glob(root, "proc/self/task/*/schedstat")
	if err != nil {
		return nil
	}
	var waits map[string]Waits
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue // the thread has ended
		}
		fields := strings.Fields(string(text))
		if len(fields) < 3 {
			continue
		}
		ns, err := strconv.ParseInt(fields[1], 10, 64)
		turns, also := strconv.Atoi(fields[2])
		if err != nil || also != nil {
			continue
		}
		if waits == nil {
			waits = map[string]Waits{}
		}
		waits[path.Base(path.Dir(file))] = Waits{time.Duration(ns), turns}
	}
	return waits
}

// waited sums by how much the waits of the threads grew; those of a thread that has ended meanwhile are lost.
func waited(before, after map[string]Waits) *Waits {
	if before == nil || after == nil {
		return nil
	}
	var sum Waits
	for thread, w := range after {
		sum.Waited += max(w.Waited-before[thread].Waited, 0)
		sum.Turns += max(w.Turns-before[thread].Turns, 0)
	}
	return &sum
}

// part is some of the processor time of a machine, in the kernel's ticks.
type part struct{ some, total uint64 }

// ticks are how much of the whole machine's time its host gave to others, and how much of the time of the processors that this
// process may use anybody used; nil where the system does not tell.
type ticks struct{ stolen, own *part }

// The columns of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
const (
	columnIdle   = 3
	columnIOWait = 4
	columnSteal  = 7
)

// readTicks reads /proc/stat.
func readTicks(root fs.FS) ticks {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return ticks{}
	}
	allowed := readAllowed(root)
	var t ticks
	for line := range strings.Lines(string(text)) {
		name, columns := ticksOf(line)
		if columns == nil {
			continue
		}
		var total uint64
		for _, n := range columns {
			total += n
		}
		if name == "cpu" {
			t.stolen = &part{columns[columnSteal], total}
			continue
		}
		if processor, err := strconv.Atoi(strings.TrimPrefix(name, "cpu")); err == nil && allowed(processor) {
			if t.own == nil {
				t.own = &part{}
			}
			t.own.some += total - columns[columnIdle] - columns[columnIOWait]
			t.own.total += total
		}
	}
	return t
}

// ticksOf reads a line of /proc/stat; nil for one that is not of processors.
func ticksOf(line string) (name string, columns []uint64) {
	fields := strings.Fields(line)
	if len(fields) < columnSteal+2 || !strings.HasPrefix(fields[0], "cpu") {
		return "", nil
	}
	for _, field := range fields[1 : columnSteal+2] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return "", nil
		}
		columns = append(columns, n)
	}
	return fields[0], columns
}

// readAllowed tells which processors this process may use: all where that is not known.
func readAllowed(root fs.FS) func(processor int) bool {
	text, err := fs.ReadFile(root, "proc/self/status")
	if err != nil {
		return func(int) bool { return true }
	}
	_, after, _ := strings.Cut(string(text), "Cpus_allowed_list:")
	line, _, _ := strings.Cut(after, "\n")
	list, _ := ParseCPUList(line)
	return list.Has
}

// share is the part of the processor time between two readings; nil where there was none.
func share(before, after *part) *float64 {
	if before == nil || after == nil || after.total <= before.total || after.some < before.some {
		return nil
	}
	share := float64(after.some-before.some) / float64(after.total-before.total)
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
