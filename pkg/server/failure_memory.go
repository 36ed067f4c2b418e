package server

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

var memoryRules = []rule{
	{
		class: FailureFreeMemory,
		says:  []string{"is less than desired GPU memory utilization"}, also: []string{"Free memory on device"},
		advise: freeMemoryAdvice,
	},
	{
		class: FailureMemoryProfiling,
		says:  []string{"Error in memory profiling"}, also: []string{"nitial free memory"},
	},
	{
		class: FailureKVCacheMemory,
		says: []string{
			"No available memory for the cache blocks",
			"GiB KV cache is needed, which is larger than the available KV cache",
			"larger than the maximum number of tokens that can be stored in KV cache",
			"exceeds available Mamba cache blocks",
			"not enough memory for the KV cache",
		},
		advise: kvCacheAdvice,
	},
	{
		class: FailureKVCacheMemory,
		says:  []string{"on kv cache allocation is less than requested memory for kv", "is less than desired CPU memory utilization"},
		advise: fixed("On the CPU the KV cache lies in main memory: lower VLLM_CPU_KVCACHE_SPACE (GiB) in server.env, or " +
			"gpu-memory-utilization, or run with nothing else on the machine."),
	},
	{
		class: FailureSharedMemory,
		says: []string{
			"unable to allocate shared memory", "out of shared memory", "killed by signal: Bus error",
			"No space left on device: '/psm_", "No space left on device: '/dev/shm",
		},
	},
	{class: FailureSharedMemory, says: []string{"unable to mmap"}, also: []string{"file </torch_"}},
	{
		class: FailureSharedMemory, printed: true,
		says: []string{"NCCL WARN", "RCCL WARN"}, also: []string{"/dev/shm"},
	},
	{
		class: FailureSharedMemory, printed: true,
		says: []string{"NCCL WARN Call to posix_fallocate failed", "NCCL WARN Error while creating shared memory segment"},
	},
	{class: FailureSharedMemory, printed: true, says: []string{"Fatal Python error: Bus error", "Bus error (core dumped)"}},
	{
		class: FailureHostMemory,
		says: []string{
			"DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory", "[Errno 12] Cannot allocate memory",
			"Cannot allocate memory (12)", "std::bad_alloc",
		},
	},
	{class: FailureHostMemory, exceptions: []string{"MemoryError"}},
	{class: FailureHostMemory, printed: true, says: []string{"terminate called after throwing an instance of 'std::bad_alloc'"}},
	{class: FailureOutOfMemoryStart, exceptions: []string{"OutOfMemoryError"}},
	{
		class: FailureOutOfMemoryStart,
		says: []string{
			"CUDA out of memory", "HIP out of memory", "XPU out of memory", "NPU out of memory", "CUDA error: out of memory",
			"HIP error: out of memory", "cudaErrorMemoryAllocation", "hipErrorOutOfMemory", "CUDA_ERROR_OUT_OF_MEMORY",
			"CUBLAS_STATUS_ALLOC_FAILED", "not enough GPU memory", "Cuda failure 'out of memory'", "Cuda failure 2 'out of memory'",
			"MODULE:PT_DEVMEM Allocation failed", "PT_DEVMEM", "synOutOfDeviceMemory", "synOutOfResources",
		},
	},
	{
		class: FailureOutOfMemoryStart, printed: true,
		says: []string{"FATAL ERROR :: MODULE:PT_DEVMEM Allocation failed", "NCCL WARN Cuda failure 'out of memory'",
			"NCCL WARN Cuda failure 2 'out of memory'"},
	},
	{
		class: FailureKilledByOOM, printed: true,
		says: []string{
			"Out of memory: Killed process", "oom-kill:constraint=", "Memory cgroup out of memory: Killed process", "oom_kill event in",
			"oom-kill event(s) in",
		},
	},
}

var (
	freeMemoryHas   = regexp.MustCompile(`\((\d{1,6}(?:\.\d+)?)/(\d{1,6}(?:\.\d+)?) GiB\)`)
	freeMemoryWants = regexp.MustCompile(`utilization \((\d(?:\.\d+)?), (\d{1,6}(?:\.\d+)?) GiB\)`)
)

// freeMemoryAdvice says how much is missing and up to which utilization the free memory goes.
func freeMemoryAdvice(text string) string {
	has, wants := freeMemoryHas.FindStringSubmatch(text), freeMemoryWants.FindStringSubmatch(text)
	if has == nil || wants == nil {
		return ""
	}
	free, total, wanted := parseGiB(has[1]), parseGiB(has[2]), parseGiB(wants[2])
	if total == 0 || wanted <= free {
		return ""
	}
	return fmt.Sprintf("Something else holds %.2f GiB of the device, %.2f GiB more than gpu-memory-utilization %s allows. It may be a "+
		"server that has just ended, whose memory comes back within seconds; if not, find it (nvidia-smi, rocm-smi, hl-smi) and end it, or "+
		"set gpu-memory-utilization to %.2f at most.", total-free, wanted-free, wants[1], math.Floor(free/total*100)/100)
}

func parseGiB(digits string) float64 {
	gib, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0
	}
	return gib
}

var fittingLength = regexp.MustCompile(`estimated maximum model length is (\d{1,12})\b|stored in KV cache \((\d{1,12})\)`)

// kvCacheAdvice names the longest context that vLLM says it has room for.
func kvCacheAdvice(text string) string {
	m := fittingLength.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return fmt.Sprintf("The KV cache has room for a max-model-len of %s: set that, or raise gpu-memory-utilization, or spread the model "+
		"over more devices with tensor-parallel-size.", m[1]+m[2])
}
