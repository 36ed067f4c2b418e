package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// failLog is what a failure leaves in the log: where in vLLM it arises, and the exception as Python shows it.
type failLog struct {
	// process is where the exception is raised: fromAPI, fromEngine or fromWorker.
	process string
	// frame is the innermost line of the traceback.
	frame string
	// exception is the type and the text, possibly of several lines.
	exception string
}

const outOfMemoryText = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB. GPU 0 has a total capacity of " +
	"23.68 GiB of which 121.56 MiB is free. Including non-PyTorch memory, this process has 23.55 GiB memory in use. Of the " +
	"allocated memory 23.11 GiB is allocated by PyTorch, and 1.56 MiB is reserved by PyTorch but unallocated."

// failLogs are the failures that can be told by class=CLASS, in the words of vLLM 0.32 and what is under it.
var failLogs = map[string]failLog{
	"free_memory": {fromWorker, `File "vllm/v1/worker/utils.py", line 763, in request_memory`,
		"ValueError: Free memory on device cuda:0 (19.77/22.05 GiB) on startup is less than desired GPU memory utilization (0.92, " +
			"20.29 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes."},
	"kv_cache_memory": {fromEngine, `File "vllm/v1/core/kv_cache_utils.py", line 1030, in _check_enough_kv_cache_memory`,
		"ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is needed, which is " +
			"larger than the available KV cache memory (2.81 GiB). Based on the available memory, the estimated maximum model " +
			"length is 22976. Try increasing `gpu_memory_utilization` (which also controls CPU memory on the CPU backend) or " +
			"decreasing `max_model_len` when initializing the engine. See " +
			"https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details."},
	"out_of_memory_loading": {fromWorker, `File "vllm/v1/worker/gpu_model_runner.py", line 5060, in load_model`, outOfMemoryText},
	"out_of_memory":         {fromWorker, `File "vllm/v1/worker/gpu_model_runner.py", line 4101, in execute_model`, outOfMemoryText},
	"host_memory": {fromWorker, `File "vllm/model_executor/model_loader/weight_utils.py", line 812, in safetensors_weights_iterator`,
		"RuntimeError: [enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to " +
			"allocate 1048576000 bytes. Error code 12 (Cannot allocate memory)"},
	"shared_memory": {fromEngine, `File "torch/multiprocessing/reductions.py", line 618, in reduce_storage`,
		"RuntimeError: unable to allocate shared memory(shm) for file </torch_178_3321453201_0>: No space left on device (28)"},
	"model_not_found": {fromAPI, `File "huggingface_hub/utils/_validators.py", line 133, in validate_repo_id`,
		"huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': " +
			"'/no/such/model'. Use `repo_type` argument if needed."},
	"hf_access": {fromAPI, `File "huggingface_hub/_snapshot_download.py", line 336, in snapshot_download`,
		"huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the specified " +
			"revision on the local disk and outgoing traffic has been disabled. To enable repo look-ups and downloads online, pass " +
			"'local_files_only=False' as input."},
	"unsupported_model": {fromWorker, `File "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py", line 221, in _check_scheme_supported`,
		"RuntimeError: ('Quantization scheme is not supported for ', 'the current GPU. Min capability: 80. ', 'Current capability: 75.')"},
	"remote_code": {fromAPI, `File "transformers/dynamic_module_utils.py", line 731, in resolve_trust_remote_code`,
		"ValueError: The repository for /models/custom contains custom code which must be executed to correctly load the model. " +
			"You can inspect the repository content at https://hf.co//models/custom.\n" +
			"Please pass the argument `trust_remote_code=True` to allow custom code to be run."},
	"tokenizer": {fromAPI, `File "transformers/tokenization_utils_base.py", line 2046, in from_pretrained`,
		"OSError: Can't load tokenizer for '/models/llama'. If you were trying to load it from 'https://huggingface.co/models', " +
			"make sure you don't have a local directory with the same name. Otherwise, make sure '/models/llama' is the correct path " +
			"to a directory containing all relevant files for a LlamaTokenizerFast tokenizer."},
	"driver_mismatch": {fromEngine, `File "torch/cuda/__init__.py", line 412, in _lazy_init`,
		"RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling NumCudaDevices() " +
			"that might have already set an error? Error 803: system has unsupported display driver / cuda driver combination"},
	"no_device": {fromEngine, `File "torch/cuda/__init__.py", line 412, in _lazy_init`,
		"RuntimeError: No CUDA GPUs are available"},
	"device_assert": {fromWorker, `File "vllm/v1/worker/gpu_model_runner.py", line 4101, in execute_model`,
		"torch.AcceleratorError: CUDA error: an illegal memory access was encountered\n" +
			"CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\n" +
			"For debugging consider passing CUDA_LAUNCH_BLOCKING=1"},
	"nccl": {fromWorker, `File "vllm/distributed/device_communicators/pynccl_wrapper.py", line 373, in NCCL_CHECK`,
		"RuntimeError: NCCL error: unhandled system error (run with NCCL_DEBUG=INFO for details)"},
	"flag_conflict": {fromAPI, `File "vllm/entrypoints/openai/cli_args.py", line 402, in validate_parsed_serve_args`,
		"ValueError: Error: --enable-per-request-metrics requires engine statistics logging; remove --disable-log-stats to enable " +
			"per-request metrics."},
	"module_missing": {fromAPI, `File "vllm/platforms/cuda.py", line 18, in <module>`,
		"ImportError: /opt/vllm/lib/python3.12/site-packages/vllm/_C.abi3.so: undefined symbol: " +
			"_ZN3c106ivalue14ConstantString6createENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"},
	"port_in_use": {fromAPI, `File "vllm/entrypoints/launchers/api_server/entry.py", line 88, in create_server_socket`,
		"OSError: [Errno 98] Address already in use"},
	"disk_full": {fromEngine, `File "huggingface_hub/file_download.py", line 486, in http_get`,
		"OSError: [Errno 28] No space left on device"},
	"unknown": {fromWorker, `File "vllm/model_executor/models/llama.py", line 412, in load_weights`,
		"KeyError: 'layers.0.mlp.experts.w13_weight_scale'"},
}

// failureClasses lists the keys of failLogs.
func failureClasses() []string {
	var names []string
	for name := range failLogs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// startFailed logs a failed start: the cause where it arose, then what every process above it makes of it.
func (l *logger) startFailed(f failLog) {
	if f.process == fromAPI {
		l.traceback(&rawError{f.frame, f.exception})
		return
	}
	if f.process == fromWorker {
		l.failed(fromWorker, "multiproc_executor.py:953", "WorkerProc failed to start.", f)
		f.frame = `File "vllm/v1/executor/multiproc_executor.py", line 744, in wait_for_ready`
		f.exception = "Exception: WorkerProc initialization failed due to an exception in a background process. " +
			"See stack trace for root cause."
	}
	l.failed(fromEngine, "core.py:1510", "EngineCore failed to start.", f)
	l.engineFailedToStart("1")
}

// engineFailedToStart is the API server's word on an engine that ended, with an exit status, before it was ready.
func (l *logger) engineFailedToStart(status string) {
	l.traceback(&rawError{
		`File "vllm/v1/engine/utils.py", line 1105, in wait_for_engine_startup`,
		"RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': " + status + "}",
	})
}

// engineFailed logs a cause for which a running engine ends.
func (l *logger) engineFailed(f failLog) {
	if f.process == fromWorker {
		l.failed(fromWorker, "multiproc_executor.py:1007", "WorkerProc hit an exception.", f)
		text, _, _ := strings.Cut(f.exception, "\n")
		_, text, _ = strings.Cut(text, ": ")
		f.frame = `File "vllm/v1/executor/multiproc_executor.py", line 389, in get_response`
		f.exception = "RuntimeError: Worker failed with error '" + text + "', please check the stack trace above for the root cause"
	}
	l.failed(fromEngine, "core.py:1240", "EngineCore encountered a fatal error.", f)
}

// engineDied is the API server's log of the death of its engine under load.
func (l *logger) engineDied() {
	l.warn("core_client.py:817", "[shutdown] MPClient: engine core exited unexpectedly; starting cleanup")
	l.failed(fromAPI, "async_llm.py:906", "AsyncLLM output_handler failed.", failLog{
		frame:     `File "vllm/v1/engine/async_llm.py", line 849, in output_handler`,
		exception: "vllm.v1.engine.exceptions.EngineDeadError: " + engineDead,
	})
}

// failed writes an error of a process with its traceback, every line with the prefix of the process.
func (l *logger) failed(process, source, title string, f failLog) {
	prefix := fmt.Sprintf("%s %s [%s] ", l.prefix(process), stamp("ERROR"), source)
	lines := append([]string{title, "Traceback (most recent call last):", "  " + f.frame}, strings.Split(f.exception, "\n")...)
	l.text(prefix + strings.Join(lines, "\n"+prefix) + "\n")
}

// rawError is an exception with the frame that raised it.
type rawError struct{ frame, exception string }

func (e *rawError) Error() string { return "  " + e.frame + "\n" + e.exception }
