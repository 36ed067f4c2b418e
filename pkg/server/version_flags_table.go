package server

// What has become of flags that went together.
const (
	noSwap       = "the V1 engine does not swap to the CPU"
	noAdapters   = "prompt adapters are no longer supported, LoRA adapters go into --lora-modules"
	noScales     = "the scales of the KV cache come with the checkpoint"
	oneTokenizer = "there is no pool of tokenizers any more"
	eplb         = `--eplb-config '{…}'`
	spec         = `--speculative-config '{"method": …, "model": …, "num_speculative_tokens": …}'`
	guided       = `--structured-outputs-config '{"backend": …}'`
	rope         = `--hf-overrides '{"rope_scaling": {…}}' (with Transformers 5 '{"rope_parameters": {…}}')`
)

// flagChanges are the flags of vLLM that have come or gone since 0.6.3, as far as recipes use them.
//
// Note: the versions are those of the command line parsers that were released, not those of announcements: vLLM 0.12 was to
// remove --disable-log-requests, and 0.17 did.
var flagChanges = []flagChange{
	{name: "disable-log-requests", removed: "0.17.0", because: "requests are not logged unless --enable-log-requests is given"},
	{name: "enable-log-requests", added: "0.10.1", before: "older ones log requests unless --disable-log-requests is given"},
	{name: "no-enable-prefix-caching", added: "0.6.5", before: "older ones cache no prefixes unless --enable-prefix-caching is given: " +
		"leave it out there"},

	// The V0 engine.
	{name: "swap-space", removed: "0.18.0", because: noSwap},
	{name: "preemption-mode", removed: "0.11.0", because: noSwap},
	{name: "num-scheduler-steps", removed: "0.10.1", because: "asynchronous scheduling took its place, which is on by default since 0.14"},
	{name: "multi-step-stream-outputs", removed: "0.10.1", because: "there are no multi-step outputs any more"},
	{name: "use-v2-block-manager", removed: "0.10.0"},
	{name: "num-lookahead-slots", removed: "0.12.0"},
	{name: "scheduler-delay-factor", removed: "0.11.0"},
	{name: "disable-async-output-proc", removed: "0.11.0"},
	{name: "disable-frontend-multiprocessing", removed: "0.19.0", because: "the engine always has a process of its own"},
	{name: "max-num-partial-prefills", removed: "0.27.0"},
	{name: "max-long-partial-prefills", removed: "0.27.0"},
	{name: "engine-use-ray", removed: "0.6.3", successor: "--distributed-executor-backend ray"},
	{name: "worker-use-ray", removed: "0.7.0", successor: "--distributed-executor-backend ray"},
	{name: "device", removed: "0.10.0", because: "the device follows from the installed build of vLLM"},
	{name: "override-neuron-config", removed: "0.10.2"},
	{name: "tokenizer-pool-size", removed: "0.10.0", because: oneTokenizer},
	{name: "tokenizer-pool-type", removed: "0.10.0", because: oneTokenizer},
	{name: "tokenizer-pool-extra-config", removed: "0.10.0", because: oneTokenizer},

	// Speculative decoding.
	{name: "speculative-config", added: "0.8.2", before: "older ones take --speculative-model and --num-speculative-tokens"},
	{name: "speculative-", family: true, removed: "0.8.3", successor: spec},
	{name: "typical-acceptance-sampler-", family: true, removed: "0.8.3", successor: spec},
	{name: "num-speculative-tokens", removed: "0.8.3", successor: spec},
	{name: "ngram-prompt-lookup-", family: true, removed: "0.8.3", successor: spec},
	{name: "spec-decoding-acceptance-method", removed: "0.8.3", successor: spec},
	{name: "disable-logprobs-during-spec-decoding", removed: "0.8.3", successor: spec},

	// Structured outputs and reasoning.
	{name: "guided-decoding-", family: true, removed: "0.12.0", successor: guided},
	{name: "structured-outputs-config", added: "0.11.0", before: "older ones take --guided-decoding-backend"},
	{name: "enable-reasoning", removed: "0.10.0", because: "--reasoning-parser alone turns it on"},
	{name: "reasoning-parser", added: "0.7.2"},
	{name: "logits-processor-pattern", removed: "0.17.0"},
	{name: "expand-tools-even-if-tool-choice-none", removed: "0.10.0"},

	// The model, adapters and several modalities.
	{name: "task", removed: "0.13.0", successor: "--runner (generate, pooling) and, for embeddings or classification, --convert"},
	{name: "runner", added: "0.10.1", before: "older ones take --task"},
	{name: "convert", added: "0.10.1", before: "older ones take --task"},
	{name: "override-pooler-config", removed: "0.12.0", successor: "--pooler-config"},
	{name: "pooler-config", added: "0.11.0", before: "older ones take --override-pooler-config"},
	{name: "rope-scaling", removed: "0.11.1", successor: rope},
	{name: "rope-theta", removed: "0.11.1", successor: rope},
	{name: "hf-overrides", added: "0.6.4"},
	{name: "override-attention-dtype", removed: "0.28.0"},
	{name: "quantization-param-path", removed: "0.7.0", because: noScales + " (--kv-cache-dtype fp8)"},
	{name: "calculate-kv-scales", removed: "0.28.0", because: noScales},
	{name: "enable-prompt-adapter", removed: "0.10.2", because: noAdapters},
	{name: "prompt-adapters", removed: "0.10.0", because: noAdapters},
	{name: "max-prompt-adapters", removed: "0.10.0", because: noAdapters},
	{name: "max-prompt-adapter-token", removed: "0.10.0", because: noAdapters},
	{name: "qlora-adapter-name-or-path", removed: "0.10.0"},
	{name: "lora-extra-vocab-size", removed: "0.12.0", because: "LoRA adapters cannot extend the vocabulary any more"},
	{name: "long-lora-scaling-factors", removed: "0.10.0"},
	{name: "enable-lora-bias", removed: "0.11.1"},
	{name: "disable-mm-preprocessor-cache", removed: "0.13.0", successor: "--mm-processor-cache-gb 0"},
	{name: "mm-processor-cache-gb", added: "0.10.1", before: "older ones take --disable-mm-preprocessor-cache"},
	{name: "enable-multimodal-encoder-data-parallel", removed: "0.13.0", successor: "--mm-encoder-tp-mode data"},

	// Graphs, and several devices.
	{name: "max-context-len-to-capture", removed: "0.6.4", successor: "--max-cudagraph-capture-size (before 0.11 --max-seq-len-to-capture)"},
	{name: "max-seq-len-to-capture", removed: "0.11.0", successor: "--max-cudagraph-capture-size"},
	{name: "max-cudagraph-capture-size", added: "0.11.1", before: "older ones take --max-seq-len-to-capture"},
	{name: "cuda-graph-sizes", added: "0.9.0", removed: "0.13.0", successor: "--cudagraph-capture-sizes"},
	{name: "cudagraph-capture-sizes", added: "0.11.1", before: "older ones take --cuda-graph-sizes"},
	{name: "data-parallel-size", added: "0.8.3"},
	{name: "data-parallel-", family: true, added: "0.9.0"},
	{name: "num-redundant-experts", removed: "0.12.0", successor: eplb},
	{name: "eplb-window-size", removed: "0.12.0", successor: eplb},
	{name: "eplb-step-interval", removed: "0.12.0", successor: eplb},
	{name: "eplb-log-balancedness", removed: "0.12.0", successor: eplb},

	// What measurements use.
	{name: "async-scheduling", added: "0.10.0"},
	{name: "enable-prompt-tokens-details", added: "0.6.4"},
	{name: "generation-config", added: "0.6.6"},
	{name: "enable-server-load-tracking", added: "0.8.0"},
	{name: "disable-uvicorn-access-log", added: "0.8.3"},
	{name: "enable-force-include-usage", added: "0.9.2"},
	{name: "stream-interval", added: "0.11.1"},
	{name: "profiler-config", added: "0.13.0"},
	{name: "disable-access-log-for-endpoints", added: "0.15.0"},
	{name: "shutdown-timeout", added: "0.18.0"},
	{name: flagResponseMetrics, added: "0.25.0"},
	{name: "sse-keep-alive-interval", added: "0.29.0"},
	{name: "per-request-spec-decode-metrics", added: "0.29.0"},
}
