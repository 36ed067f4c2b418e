package report

import "fmt"

// idleGPUMemory is more than a GPU that nobody uses has in use, in MiB: drivers keep some hundred for themselves (Gaudi 768).
const idleGPUMemory = 1024

// InUse reports whether somebody uses the GPU: more of its memory is in use than the driver keeps for itself. How busy it is does
// not tell: a GPU that the driver has just woken up, or whose process has just ended, may still be said to be.
func (g GPUState) InUse() bool { return g.MemoryUsed != nil && *g.MemoryUsed > idleGPUMemory }

// Grown reports whether a later reading of the same GPU has so much more memory in use that a process must have come to it.
func (g GPUState) Grown(later GPUReading) bool {
	return g.MemoryUsed != nil && later.MemoryUsed != nil && *later.MemoryUsed-*g.MemoryUsed > idleGPUMemory
}

// Usage is "20312 of 81559 MiB in use", for a GPU whose memory is told of.
func (g GPUState) Usage() string {
	if g.MemoryTotal == nil {
		return fmt.Sprintf("%.0f MiB in use", *g.MemoryUsed)
	}
	return fmt.Sprintf("%.0f of %.0f MiB in use", *g.MemoryUsed, *g.MemoryTotal)
}

// Title is "GPU 0 (NVIDIA H100 80GB HBM3)".
func (g GPUState) Title() string {
	if g.Name == "" {
		return fmt.Sprintf("GPU %d", g.Index)
	}
	return fmt.Sprintf("GPU %d (%s)", g.Index, printable(g.Name))
}
