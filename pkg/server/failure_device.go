package server

var deviceRules = []rule{
	{
		class: FailureDriverMismatch,
		says:  []string{"Error 802: system not yet initialized"},
		advise: fixed("The fabric manager that connects the GPUs does not run: start nvidia-fabricmanager, in the version of the driver " +
			"(systemctl start nvidia-fabricmanager)."),
	},
	{
		class: FailureDriverMismatch,
		says: []string{
			"CUDA driver version is insufficient", "The NVIDIA driver on your system is too old", "forward compatibility was attempted",
			"Error 803", "Error 804", "system has unsupported display driver", "Driver/library version mismatch", "LibRmVersionMismatch",
			"provided PTX was compiled with an unsupported toolchain",
		},
	},
	{
		class: FailureDriverMismatch,
		says: []string{
			"no kernel image is available for execution", "invalid device function", "hipErrorNoBinaryForGpu",
			"cudaErrorNoKernelImageForDevice",
			"device kernel image is invalid",
		},
		advise: fixed("The installed vLLM (or torch) has no kernels for this kind of device: install a build for it. Cards newer than the " +
			"release need a newer release, and very old ones an older."),
	},
	{
		class: FailureNoDevice,
		says: []string{
			"No CUDA GPUs are available", "No HIP GPUs are available", "No XPU devices are available", "Failed to infer device type",
			"Found no NVIDIA driver on your system", "no CUDA-capable device is detected", "no ROCm-capable device is detected",
			"hipErrorNoDevice", "cudaErrorNoDevice", "Torch not compiled with CUDA enabled", "Current node has no GPU available",
			"NVML Shared Library Not Found", "Setting the available devices to be zero", "Device acquire failed", "[Device not found]",
			"No devices were found",
		},
	},
	{
		class: FailureNoDevice, says: []string{"invalid device ordinal", "cudaErrorInvalidDevice", "hipErrorInvalidDevice"},
		advise: fixed("The server asked for a device that it may not see: tensor-parallel-size (times pipeline-parallel-size) is larger than " +
			"the number of devices in CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES or the container."),
	},
	{
		class: FailureNoDevice,
		says:  []string{"devices are busy or unavailable", "device(s) is/are busy or unavailable", "[Device already acquired]"},
		advise: fixed("Another process holds the device, which admits one process only (compute mode " +
			"EXCLUSIVE_PROCESS, or a Gaudi): find it and end it."),
	},
	{
		class: FailureDeviceAssert, printed: true,
		says: []string{": block: ["}, also: []string{"thread: [", "Assertion `", "` failed"},
		advise: fixed("A kernel found an index outside of its table; often a token id beyond the model's vocabulary, or a position beyond " +
			"max-model-len. Check that the prompts belong to this model. CUDA_LAUNCH_BLOCKING=1 in server.env makes " +
			"the traceback exact."),
	},
	{
		class: FailureDeviceAssert, printed: true,
		says: []string{"Memory access fault by GPU node-", "HSA_STATUS_ERROR_", "HW Exception by GPU node-", "NVRM: Xid ("},
	},
	{
		class: FailureDeviceAssert,
		says: []string{
			"illegal memory access was encountered", "device-side assert triggered", "unspecified launch failure", "misaligned address",
			"illegal instruction was encountered", "cudaErrorIllegalAddress", "hipErrorIllegalAddress", "hipErrorLaunchFailure",
			"the launch timed out and was terminated", "HSA_STATUS_ERROR", "CUBLAS_STATUS_EXECUTION_FAILED",
			"CUDNN_STATUS_EXECUTION_FAILED", "CUDA error: unknown error", "synStatus=26 [Generic failure]", "Graph compile failed",
		},
	},
	{
		class: FailureDeviceAssert,
		says: []string{
			"uncorrectable ECC error", "uncorrectable NVLink error", "GPU has fallen off the bus", "GPU is lost",
			"cudaErrorECCUncorrectable",
		},
		advise: fixed("The card itself is in trouble: look for Xid messages (dmesg | grep -i xid) and for nvidia-smi -q -d ECC,PAGE_RETIREMENT, " +
			"reset the card or take it out of service."),
	},
	{
		class: FailurePortInUse, printed: true,
		says: []string{"error while attempting to bind on address"}, also: []string{"address already in use"},
	},
	{
		class: FailurePortInUse,
		says:  []string{"EADDRINUSE", "Address already in use (addr='"},
		advise: fixed("It is a port that the processes of the server use among themselves, not the one it serves on: end what is left of an " +
			"earlier server, and leave VLLM_PORT and MASTER_PORT unset."),
	},
	{class: FailurePortInUse, exceptions: []string{"OSError"}, says: []string{"[Errno 98]", "[Errno 48]", "Address already in use"}},
	{
		class: FailureNCCL, weak: likely,
		says: []string{
			"NCCL error", "RCCL error", "HCCL error", "ncclSystemError", "ncclUnhandledCudaError", "ncclInternalError", "ncclInvalidUsage",
			"ncclRemoteError", "Watchdog caught collective operation timeout", "NCCL communicator was aborted", "hcclInternalError",
			"hcclSystemError", "collective hcclAllReduce", "hcclCommInit", "Failed to initialize NCCL", "Collective operation timeout",
			"Gloo connectFullMesh failed", "The client socket has timed out", "The client socket has failed to connect",
		},
	},
	{class: FailureNCCL, weak: likely, exceptions: []string{"DistBackendError", "DistNetworkError", "DistStoreError"}},
}
