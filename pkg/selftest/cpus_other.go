//go:build !linux

package selftest

import (
	"fmt"
	"syscall"
)

// apart keeps signals of the terminal, which we pass on in order, from a child.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// confine refuses.
func confine([]int) (rest []int, release func(), err error) {
	return nil, nil, fmt.Errorf("%w: client cpus: only Linux lets a process choose its processors", ErrUsage)
}

// pinThread has nothing to do, as confine refuses.
func pinThread([]int) error { return nil }
