package selftest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart lets a child outlive neither us nor a signal of the terminal, which we pass on in order.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// confine keeps this whole process on the given processors until release is called, and returns the others that it was allowed.
func confine(cpus []int) (rest []int, release func(), err error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return nil, nil, fmt.Errorf("asking for the processors that are allowed: %w", err)
	}
	for i := range len(allowed) * strconv.IntSize {
		if allowed.IsSet(i) && !slices.Contains(cpus, i) {
			rest = append(rest, i)
		}
	}
	for _, cpu := range cpus {
		if !allowed.IsSet(cpu) {
			return nil, nil, fmt.Errorf("%w: client cpus: %d is not allowed here", ErrUsage, cpu)
		}
	}
	if len(rest) == 0 {
		return nil, nil, fmt.Errorf("%w: client cpus: got all that are allowed here; the metronome needs one", ErrUsage)
	}
	if err := pinProcess(setOf(cpus)); err != nil {
		return nil, nil, err
	}
	procs := runtime.GOMAXPROCS(allowed.Count() - len(rest))
	return rest, func() {
		runtime.GOMAXPROCS(procs)
		_ = pinProcess(&allowed)
	}, nil
}

func setOf(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// pinProcess sets the processors of every thread. New ones inherit them, so it is done when no new one was found.
func pinProcess(set *unix.CPUSet) error {
	done := map[string]bool{}
	for {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("listing the threads of this process: %w", err)
		}
		before := len(done)
		for _, t := range threads {
			if done[t.Name()] {
				continue
			}
			done[t.Name()] = true
			tid, err := strconv.Atoi(t.Name())
			if err == nil {
				err = unix.SchedSetaffinity(tid, set)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("confining this process to processors: %w", err)
			}
		}
		if len(done) == before {
			return nil
		}
	}
}

// pinThread sets the processors of this thread, to which the caller is locked; none leaves them as they are.
func pinThread(cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	if err := unix.SchedSetaffinity(0, setOf(cpus)); err != nil {
		return fmt.Errorf("choosing processors: %w", err)
	}
	return nil
}
