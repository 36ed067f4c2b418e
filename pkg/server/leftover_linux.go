package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Leftovers returns what is left of this user's launches whose orchestrator has ended, noted in any of dirs (see StateDirs),
// and what is given away by its marker alone if it was to be noted there. A folder that does not exist holds nothing. A launch whose orchestrator is alive
// is left out. With an error, such as a folder that others can write to, the rest is returned all the same.
func Leftovers(dirs ...string) ([]Leftover, error) {
	v, err := newView()
	if err != nil {
		return nil, err
	}
	var out []Leftover
	var errs []error
	for _, dir := range dirs {
		found, err := v.inFolder(dir)
		out = append(out, found...)
		errs = append(errs, err)
	}
	out = append(out, v.byMarker(dirs)...)
	return out, errors.Join(errs...)
}

// view is what is to be seen from here.
type view struct {
	boot, machine string
	namespace     uint64
	all           []Proc
	alive         map[identity]bool
	// spared are this process and those that it descends from.
	spared []int
	// noted are the markers that a state file speaks of.
	noted map[string]bool
}

func newView() (*view, error) {
	state, err := newState(Options{})
	if err != nil {
		return nil, err
	}
	v := &view{boot: state.Boot, machine: state.Machine, namespace: state.Namespace, alive: map[identity]bool{}, noted: map[string]bool{}}
	if v.all, err = processes(); err != nil {
		return nil, err
	}
	parents := map[int]int{}
	for _, p := range v.all {
		v.alive[p.id()] = p.alive()
		parents[p.PID] = p.PPID
	}
	for pid := os.Getpid(); pid > 0 && !slices.Contains(v.spared, pid); pid = parents[pid] {
		v.spared = append(v.spared, pid)
	}
	return v, nil
}

// inFolder returns what the state files in dir speak of.
func (v *view) inFolder(dir string) ([]Leftover, error) {
	err := checkStateDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	var out []Leftover
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), stateSuffix) {
			continue
		}
		file := filepath.Join(dir, entry.Name())
		state, err := readState(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// It was removed by its launch in the meantime.
		case err != nil:
			out = append(out, Leftover{File: file, Err: err})
		default:
			v.noted[state.Marker] = true
			if l := v.judge(file, state); l != nil {
				out = append(out, *l)
			}
		}
	}
	return out, nil
}

// judge tells what is left of a launch; nil if its orchestrator is alive.
func (v *view) judge(file string, s launchState) *Leftover {
	l := &Leftover{File: file, Command: s.Command, RunDir: s.RunDir, Port: s.Port, Started: s.Started, StopCommand: s.StopCommand, state: s}
	switch {
	case s.Boot != v.boot && s.Machine != v.machine:
		l.Err = fmt.Errorf("it is of another machine, %s", s.Machine)
	case s.Boot != v.boot:
		l.rebooted = true
	case s.Namespace != v.namespace:
		l.Err = errors.New("it is of another container (pid namespace)")
	case v.alive[s.Orchestrator]:
		return nil
	default:
		l.Procs = v.procs(s)
	}
	return l
}

// procs returns the processes of a launch that are alive.
func (v *view) procs(s launchState) []Proc {
	t := v.tree(s)
	procs := t.line.of(v.all, markerOf)
	for _, p := range v.all {
		if p.id() == s.Guardian {
			procs = append(procs, p)
		}
	}
	procs = slices.DeleteFunc(procs, func(p Proc) bool { return !p.alive() })
	slices.SortFunc(procs, func(a, b Proc) int { return a.PID - b.PID })
	for i, p := range procs {
		procs[i].Command = commandLine(p.PID, p.Command)
	}
	return procs
}

// tree returns what is to be swept of a launch.
func (v *view) tree(s launchState) tree {
	t := tree{leader: s.Leader.PID, line: &lineage{root: s.Guardian, leader: s.Leader, marker: s.Marker, spared: v.spared}}
	t.line.remember(s.Members)
	return t
}

// byMarker returns what carries the marker of a launch of these folders that no state file speaks of and whose orchestrator has
// ended.
func (v *view) byMarker(dirs []string) []Leftover {
	var out []Leftover
	seen := map[string]bool{}
	for _, p := range v.all {
		value, _ := markerOf(p.PID)
		if value == "" || seen[value] || v.noted[value] || slices.Contains(v.spared, p.PID) || !v.isOwn(p.PID) {
			continue
		}
		seen[value] = true
		m, err := parseMarker(value)
		if err != nil || !m.notedIn(dirs) || m.namespace != v.namespace || v.alive[m.orchestrator] {
			continue
		}
		s := launchState{Boot: v.boot, Machine: v.machine, Namespace: v.namespace, Marker: value, Orchestrator: m.orchestrator}
		if procs := v.procs(s); len(procs) > 0 {
			out = append(out, Leftover{Command: procs[0].Command, Procs: procs, state: s})
		}
	}
	return out
}

// isOwn tells whether a process is of this user and has the number that we see it by in its own view, too.
func (v *view) isOwn(pid int) bool {
	info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	if err != nil || !ownedBy(info, os.Getuid()) {
		return false
	}
	namespace, err := pidNamespace(pid)
	return err == nil && namespace == v.namespace
}
