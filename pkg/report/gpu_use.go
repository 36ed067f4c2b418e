package report

import "fmt"

const (
	// idleGPUMemory is more than a GPU that nobody uses has in use, in MiB: drivers keep some hundred for themselves (Gaudi 768).
	idleGPUMemory = 1024
	// idleGPUUtilization is more than a desktop takes, in percent of the time.
	idleGPUUtilization = 10
)

// InUse reports whether somebody uses the GPU: more of its memory is in use than the driver keeps for itself, or kernels run.
func (g GPUState) InUse() bool {
	return g.MemoryUsed != nil && *g.MemoryUsed > idleGPUMemory || g.Utilization != nil && *g.Utilization > idleGPUUtilization
}

// Grown reports whether a later reading of the same GPU has so much more memory in use that a process must have come to it.
func (g GPUState) Grown(later GPUReading) bool {
	return g.MemoryUsed != nil && later.MemoryUsed != nil && *later.MemoryUsed-*g.MemoryUsed > idleGPUMemory
}

// Usage is "20312 of 81559 MiB in use, 97 % busy".
func (g GPUState) Usage() string {
	text := "memory not known"
	if g.MemoryUsed != nil {
		text = fmt.Sprintf("%.0f MiB in use", *g.MemoryUsed)
		if g.MemoryTotal != nil {
			text = fmt.Sprintf("%.0f of %.0f MiB in use", *g.MemoryUsed, *g.MemoryTotal)
		}
	}
	if g.Utilization != nil {
		text += fmt.Sprintf(", %.0f %% busy", *g.Utilization)
	}
	return text
}

// Title is "GPU 0 (NVIDIA H100 80GB HBM3)".
func (g GPUState) Title() string {
	if g.Name == "" {
		return fmt.Sprintf("GPU %d", g.Index)
	}
	return fmt.Sprintf("GPU %d (%s)", g.Index, printable(g.Name))
}
