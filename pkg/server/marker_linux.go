package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// markerOf returns the launch marker in the environment that process pid was started with, "" if it has none or the environment
// cannot be read.
func markerOf(pid int) (value string, state environState) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil || len(data) == 0 {
		return "", environUnread
	}
	if !bytes.Contains(data, []byte{'='}) {
		return "", environHidden
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if value, found := bytes.CutPrefix(entry, []byte(MarkerName+"=")); found {
			return string(value), environRead
		}
	}
	return "", environRead
}

// pidNamespace returns the number of the pid namespace of a process; 0 stands for ourselves.
func pidNamespace(pid int) (uint64, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	// The link reads pid:[4026531836].
	target, err := os.Readlink(filepath.Join("/proc", name, "ns", "pid"))
	if err != nil {
		return 0, fmt.Errorf("reading the pid namespace: %w", err)
	}
	number, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(target, "pid:["), "]"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the pid namespace: %q: %w", target, err)
	}
	return number, nil
}

// self identifies this process.
func self() (identity, error) {
	p, err := readProc(os.Getpid())
	if err != nil {
		return identity{}, fmt.Errorf("identifying this process: %w", err)
	}
	return p.id(), nil
}
