package selftest

import (
	"fmt"
	"slices"

	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// ParseCPUs reads a list of processors as the kernel writes it, such as 0-3,8; sorted, each once. An empty one is none.
func ParseCPUs(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	list, ok := telemetry.ParseCPUList(text)
	if !ok || slices.ContainsFunc(list, func(r [2]int) bool { return r[1] >= maxCPU }) {
		return nil, fmt.Errorf("got %q; allowed a list such as 0-3,8", text)
	}
	var cpus []int
	for cpu := range maxCPU {
		if list.Has(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// maxCPU bounds the numbers of processors to those of a unix.CPUSet.
const maxCPU = 1024
