package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// maxComm is the longest name of a thread in the kernel, in bytes.
const maxComm = 15

// setTitle gives the process a command line of its own, as Python's setproctitle does: the memory of its arguments is written
// over (a longer title is cut). With wipeEnviron that of its environment is cleared, which setproctitle does as well: what the
// process inherited can then not be read from outside. Nobody may use the arguments of the process from here on.
func setTitle(title string, wipeEnviron bool) error {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return fmt.Errorf("setting the process title: %w", err)
	}
	areas, err := argumentAreas(stat)
	if err != nil {
		return fmt.Errorf("setting the process title: %w", err)
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("setting the process title: %w", err)
	}
	defer func() { _ = memory.Close() }()
	args := make([]byte, areas[1]-areas[0])
	copy(args[:max(len(args)-1, 0)], title)
	if _, err := memory.WriteAt(args, areas[0]); err != nil {
		return fmt.Errorf("setting the process title: %w", err)
	}
	if wipeEnviron {
		if _, err := memory.WriteAt(make([]byte, areas[3]-areas[2]), areas[2]); err != nil {
			return fmt.Errorf("clearing the environment: %w", err)
		}
	}
	_ = os.WriteFile("/proc/self/comm", []byte(title[:min(len(title), maxComm)]), 0) // for people only
	return nil
}

// argumentAreas reads from /proc/PID/stat where the arguments and the environment begin and end.
func argumentAreas(stat []byte) (areas [4]int64, err error) {
	const firstArea = 48 // proc(5): arg_start, arg_end, env_start, env_end
	_, rest, _ := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(" "))
	fields := bytes.Fields(rest) // from field 3 on
	if len(fields) < firstArea-3+len(areas) {
		return areas, errors.New("/proc/self/stat does not tell where the arguments are")
	}
	for i := range areas {
		areas[i], err = strconv.ParseInt(string(fields[firstArea-3+i]), 10, 64)
		if err != nil {
			return areas, fmt.Errorf("reading /proc/self/stat: %w", err)
		}
	}
	if areas[0] <= 0 || areas[1] <= areas[0] || areas[3] < areas[2] {
		return areas, errors.New("/proc/self/stat does not tell where the arguments are")
	}
	return areas, nil
}
