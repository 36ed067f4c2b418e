package server

// advice is what to do about each class, where the cause does not tell anything more special.
var advice = map[FailureClass]string{
	FailureUnknownFlag: "The installed vLLM does not know the flag: correct or remove it in server.args; --help=all " +
		"lists what this version takes.",
	FailureInvalidValue: "Correct the value of that flag in server.args; the line says what is allowed.",
	FailureFlagConflict: "These flags, or the flags and the model, do not go together: change server.args as the line says.",

	FailureModelNotFound: "There is no such model: check server.model. A path must be a folder with a config.json on this machine (and be " +
		"mounted in the container); a name must exist on Hugging Face.",
	FailureModelFiles: "The model's files are damaged, incomplete or not what they seem (a git clone without Git LFS leaves small text " +
		"files in place of the weights): compare their sizes with the repository's and download them again.",
	FailureHFAccess: "The model could not be fetched from Hugging Face: for a gated model accept its terms and set HF_TOKEN in server.env; " +
		"without network download it beforehand (hf download), or use a local path.",
	FailureUnsupportedModel: "The installed vLLM cannot run this model on this device: the line says whether " +
		"architecture, type or quantisation is in the way.",
	FailureRemoteCode: "The model brings code of its own: if you trust it, add trust-remote-code: true to server.args; if the model is " +
		"only newer than the installed vLLM, update that.",
	FailureTokenizer: "The model's tokenizer or chat template cannot be loaded: check tokenizer files and versions, and tokenizer, " +
		"tokenizer-mode and chat-template in server.args.",

	FailureFreeMemory: "Something else holds memory of the device. It may be a server that has just ended, whose memory comes back within " +
		"seconds; if not, find it (nvidia-smi, rocm-smi, hl-smi) and end it, or lower gpu-memory-utilization.",
	FailureMemoryProfiling: "The device's free memory changed while vLLM measured it: nothing else may start or end " +
		"on this device during the start.",
	FailureKVCacheMemory: "After the weights there is no room for the KV cache: raise gpu-memory-utilization, lower max-model-len or " +
		"max-num-seqs, or spread the model over more devices with tensor-parallel-size.",
	FailureOutOfMemoryStart: "The device has not enough memory for the weights and the first run: use more devices (tensor-parallel-size), a " +
		"quantised model, a lower max-num-seqs or max-num-batched-tokens; enforce-eager saves the memory of graphs. " +
		"Check that nothing else is on the device.",
	FailureOutOfMemory: "The device ran out of memory under load: lower gpu-memory-utilization, so that more is left outside of the KV cache, " +
		"or max-num-seqs and max-num-batched-tokens.",
	FailureHostMemory: "The machine, or the container, has not enough main memory: give it more, or load less at a time " +
		"(max-parallel-loading-workers, a smaller cpu-offload-gb or VLLM_CPU_KVCACHE_SPACE).",
	FailureSharedMemory: "/dev/shm is too small for the server's processes: start the container with --ipc=host or --shm-size=16g " +
		"(Kubernetes: an emptyDir with medium Memory on /dev/shm), and remove what earlier runs left there.",
	FailureKilledByOOM: "The kernel killed it for lack of main memory: give the machine, the container or the job more (Slurm: --mem), or " +
		"load less (fewer workers, a smaller model, no cpu-offload-gb).",

	FailureDriverMismatch: "The device's driver does not fit the CUDA or ROCm that vLLM was built for: update the driver, reboot if it has just " +
		"been updated, or install a build for this driver; in a container look at LD_LIBRARY_PATH and " +
		"/usr/local/cuda/compat.",
	FailureNoDevice: "The server sees no device: check nvidia-smi (rocm-smi, hl-smi) on this machine, CUDA_VISIBLE_DEVICES in server.env, " +
		"the container's --gpus or --device, and that the installed vLLM is the build for this kind of device.",
	FailureDeviceAssert: "A kernel crashed on the device. If it happens again with the same requests it is a bug: try another vLLM version or " +
		"enforce-eager, and CUDA_LAUNCH_BLOCKING=1 in server.env for an exact traceback. If it does not, suspect the " +
		"card (dmesg | grep -i xid).",
	FailureNCCL: "The devices could not talk to one another: set NCCL_DEBUG=INFO in server.env for the reason. Common ones: /dev/shm too " +
		"small, the wrong network interface (NCCL_SOCKET_IFNAME), peer-to-peer blocked (NCCL_P2P_DISABLE=1), a worker " +
		"that had died before.",

	FailurePortInUse: "Something else has the port: end it, or choose another with server.port (auto finds " +
		"a free one).",
	FailureModuleMissing: "A Python module is missing or does not fit: install it into the environment that " +
		"server.command starts.",
	FailureCompilerMissing: "vLLM compiles kernels during the start and finds no compiler for them: install gcc, the headers of Python " +
		"(python3-dev), ninja and, for some models, the CUDA toolkit (nvcc); enforce-eager avoids most of it.",
	FailureCommandNotFound: "server.command names a program that does not exist: correct it, or give its full path.",
	FailureCommandNotExecutable: "server.command names something that cannot be executed: check its permissions " +
		"(chmod +x), its first line (#!) and that it is made for this machine.",
	FailureNotStarted: "The machine could not start the process: check the limits of processes and open " +
		"files, and the folder of the log.",
	FailureWrapper: "The wrapper in server.command failed before it started the server: try the command " +
		"by hand.",
	FailureDiskFull: "A disk is full: make room where the line says, or move the caches (HF_HOME, " +
		"VLLM_CACHE_ROOT, TMPDIR) in server.env.",
	FailureOpenFiles: "The limit of open files is too low for the load: raise it before the start (ulimit " +
		"-n 65536; in a container --ulimit nofile=65536).",
	FailurePermission: "A file or folder may not be read or written by this user: correct its permissions, " +
		"or move the caches (HF_HOME, VLLM_CACHE_ROOT, TMPDIR) in server.env.",

	FailureReadyTimeout: "The server was not ready when the time was up.",
	FailureEngineDeath: "The engine died under load and left no reason in the log. Look for the kernel's messages of that time " +
		"(dmesg: out of memory, Xid), and whether somebody killed it.",
	FailureHang: "The server lives, and nothing comes back from it. failure.json has its processes with what they wait for: a worker in " +
		"state R is computing, one in state D waits for the driver (dmesg | grep -i xid), and a collective that waits for another " +
		"device is the usual reason (NCCL_DEBUG=INFO in server.env). load.stall_timeout is how long this program waits.",
	FailureUnhealthy: "The server runs and does not serve: see the requests' errors in records.jsonl and the end of the log.",
	FailureNotGone: "A process that does not go although it was killed waits inside the kernel, as a rule for the device's driver: " +
		"look at dmesg and reset the device, or reboot. `sqzb-orchestrate cleanup` shows what is still there.",
	FailureNativeCrash: "Compiled code crashed, so there is no Python traceback: look for the stack above the end of the log, and try another " +
		"version of vLLM, torch or the driver.",
	FailureKilled: "Somebody ended the process: the batch system at its time or memory limit, the kernel (dmesg | " +
		"grep -i 'killed process'), or a person.",
	FailureExited: "No known cause. The first errors of the log are the best candidates; to see more start the server by hand with " +
		"VLLM_LOGGING_LEVEL=DEBUG.",
}
