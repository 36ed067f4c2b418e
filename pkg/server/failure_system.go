package server

var systemRules = []rule{
	{
		class: FailureModuleMissing, printed: true, says: []string{"No module named vllm", "No module named 'vllm'"},
		also: []string{"ython"},
		advise: fixed("vLLM is not installed for the Python that server.command starts: name the one of its environment, as in " +
			"/opt/vllm/bin/python -m vllm.entrypoints.openai.api_server."),
	},
	{
		class: FailureModuleMissing, exceptions: []string{"ModuleNotFoundError"}, says: []string{"No module named 'vllm'"},
		advise: fixed("vLLM is not installed for the Python that server.command starts: name the one of its environment, as in " +
			"/opt/vllm/bin/python -m vllm.entrypoints.openai.api_server."),
	},
	// An import that fails ends many a server, but vLLM also survives some: those of plug-ins, and of models that are not asked for.
	{
		class: FailureModuleMissing, weak: likely, exceptions: []string{"ImportError"},
		says: []string{"undefined symbol", "cannot open shared object file", "version `GLIBC", "wrong ELF class", "symbol not found"},
		advise: fixed("A compiled part does not fit the rest (another torch, another CUDA or ROCm, an older system library): install vLLM anew, " +
			"with the torch it asks for, into an environment of its own, and look at LD_LIBRARY_PATH."),
	},
	{class: FailureModuleMissing, weak: likely, exceptions: []string{"ModuleNotFoundError", "ImportError", "PackageNotFoundError"}},
	{
		class: FailureReadyTimeout,
		says:  []string{"Timed out waiting for engine core processes", "Timed out waiting for engine processes", "Timed out waiting for engines"},
		advise: fixed("vLLM's own wait for its engine was over before the engine was ready: raise VLLM_ENGINE_READY_TIMEOUT_S (seconds) in " +
			"server.env, and look for a slow disk or a long compilation."),
	},
	{class: FailureCompilerMissing, printed: true, says: []string{": fatal error: Python.h: No such file"}},
	{
		class: FailureCompilerMissing,
		says: []string{
			"Failed to find C compiler", "Could not find nvcc", "Ninja is required to load C++ extensions",
			"No such file or directory: 'nvcc'", "/bin/nvcc'", "No such file or directory: 'gcc'", "No such file or directory: 'ninja'",
		},
	},
	{class: FailureNativeCrash, printed: true, says: []string{"Fatal Python error: Segmentation fault", "Segmentation fault (core dumped)",
		"Fatal Python error: Aborted", "Fatal Python error: Illegal instruction", "*** SIGSEGV received", "Segfault encountered",
		"Illegal instruction (core dumped)"}},
	{
		class: FailureWrapper, weak: likely, printed: true,
		says: []string{
			"docker: Error response from daemon", "docker: Cannot connect to the Docker daemon", "Cannot connect to the Docker daemon",
			"docker: error during connect", "podman: Error", "Unable to find image", "srun: error: Unable to", "srun: error: Invalid",
			"salloc: error: ", "EnvironmentLocationNotFound: Not a conda environment", "Could not find conda environment",
			"DUE TO TIME LIMIT ***", "could not select device driver", "apptainer: FATAL", "FATAL:   ",
		},
	},
}

// shellComplaints are what a shell says of a program that it cannot run. Such a line is a reason only if the shell's exit
// status says so too: many a running server has printed "sh: 1: nvcc: not found".
var shellComplaints = []string{
	": command not found", ": not found", ": No such file or directory", ": Permission denied", ": cannot execute", ": bad interpreter",
	"executable file not found in",
}
