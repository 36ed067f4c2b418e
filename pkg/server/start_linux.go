package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// launch notes the launch and starts the server, through a guardian if there is to be one.
func launch(opts Options, path string, begin int64) (*Process, error) {
	state, err := newState(opts)
	if err != nil {
		return nil, err
	}
	file, err := noteLaunch(opts.StateDir, state)
	if err != nil {
		return nil, err
	}
	start := startAlone
	if len(opts.Guard) > 0 {
		start = startGuarded
	}
	p, err := start(opts, path, begin, state, file)
	if err != nil {
		removeState(file)
		return nil, err
	}
	p.stateFile = file
	return p, nil
}

// newState describes a launch that is about to begin.
func newState(opts Options) (launchState, error) {
	me, err := self()
	if err != nil {
		return launchState{}, err
	}
	namespace, err := pidNamespace(0)
	if err != nil {
		return launchState{}, err
	}
	boot, err := bootID()
	if err != nil {
		return launchState{}, err
	}
	machine, err := os.Hostname()
	if err != nil {
		return launchState{}, fmt.Errorf("name of this machine: %w", err)
	}
	return launchState{
		Version: stateVersion, Boot: boot, Machine: machine, Namespace: namespace,
		Marker: newMarker(me, namespace, opts.StateDir).String(), Orchestrator: me,
		Command:     abbreviate(clean(strings.Join(MaskArgv(opts.Argv), " ")), maxCommand),
		StopCommand: opts.StopCommand,
		Host:        opts.Host, Port: opts.Port, RunDir: opts.RunDir, Started: time.Now().UTC(),
	}, nil
}

// bootID names the time since the machine was last booted.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// noteLaunch writes the state file and returns its name; "" where there is to be none.
func noteLaunch(dir string, state launchState) (string, error) {
	if dir == "" {
		return "", nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	if err := makeStateDir(dir); err != nil {
		return "", err
	}
	m, err := parseMarker(state.Marker)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, m.launch+stateSuffix)
	return file, state.write(file)
}

// removeState removes a state file, and what a writer of it that was killed has left. One that cannot be removed is found to
// speak of nothing that lives.
func removeState(file string) {
	if file == "" {
		return
	}
	// Glob fails only on a bad pattern, and a folder with one in its name loses no more than torn files.
	torn, _ := filepath.Glob(file + ".*")
	for _, name := range append(torn, file) {
		_ = os.Remove(name)
	}
}

// startAlone starts the server as a child of this process, with nobody to look after it.
func startAlone(opts Options, path string, begin int64, state launchState, file string) (*Process, error) {
	p, err := startDirect(opts, path, marked(opts.Env, state.Marker), begin)
	if err != nil {
		return nil, err
	}
	leader, err := readProc(p.leader.Pid)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking at the server: %w", err), p.leader.Kill())
	}
	p.tree.line = &lineage{leader: leader.id(), marker: state.Marker, spared: []int{os.Getpid()}}
	if state.Leader = leader.id(); file != "" {
		// The file says already whose the marker is.
		_ = state.write(file)
	}
	return p, nil
}
