package server

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var flagRules = []rule{
	{
		class: FailureUnknownFlag, printed: true,
		says:   []string{": error: unrecognized arguments: ", ": error: ambiguous option: "},
		advise: unknownFlagAdvice,
	},
	{class: FailureUnknownFlag, exceptions: []string{"TypeError"}, says: []string{"EngineArgs.__init__() got an unexpected keyword argument"}},
	{
		class: FailureFlagConflict, printed: true,
		says: []string{": error: argument "}, also: []string{": not allowed with argument "},
	},
	{
		class: FailureInvalidValue, printed: true,
		says: []string{": error: argument ", ": error: the following arguments are required: ", ": error: one of the arguments "},
	},
	{class: FailureInvalidValue, says: []string{"Load format `"}, also: []string{"` is not supported"}},
	{class: FailureFlagConflict, says: []string{"requires engine statistics logging"}},
	{class: FailureFlagConflict, says: []string{"is greater than the derived max_model_len"}, advise: derivedLengthAdvice},
	{
		class: FailureFlagConflict, says: []string{"is smaller than max_model_len"}, also: []string{"max_num_batched_tokens"},
		advise: fixed("Raise max-num-batched-tokens to max-model-len at least, lower max-model-len, or leave chunked " +
			"prefill on."),
	},
	{
		class: FailureFlagConflict,
		says: []string{"must be divisible by tensor parallel size", "must be divisible by tensor_parallel_size",
			"is not divisible by tensor parallel", "is not divisible by "},
		exceptions: []string{"ValueError", "AssertionError", "ValidationError"},
		advise: fixed("The model cannot be cut into that many parts: choose a tensor-parallel-size that divides " +
			"the number it names."),
	},
	{
		class: FailureFlagConflict,
		says:  []string{"is larger than the number of available GPUs", "cannot be larger than the number of available GPUs"},
		advise: fixed("Lower tensor-parallel-size (times pipeline-parallel-size) to the number of devices the server may see; " +
			"CUDA_VISIBLE_DEVICES and the container decide how many these are."),
	},
	{class: FailureFlagConflict, says: []string{"does not match the quantization method specified in the `quantization` argument"}},
}

// flagsInError are the flags that an argparse error is about: all that begin with a dash.
var flagsInError = regexp.MustCompile(`(?:^| )-{1,2}([A-Za-z][\w.-]*)`)

// unknownFlagAdvice names the successor of each flag that vLLM once knew, or the version that a flag came with.
func unknownFlagAdvice(text string) string {
	_, arguments, _ := strings.Cut(text, ": error: ")
	if options, found := strings.CutPrefix(arguments, "ambiguous option: "); found {
		return fmt.Sprintf("Write the flag in full: %s.", options)
	}
	var known, unknown []string
	for _, m := range flagsInError.FindAllStringSubmatch(arguments, 9) {
		name := strings.ReplaceAll(m[1], "_", "-")
		if hint := successor(name); hint != "" {
			known = append(known, "--"+name+": "+hint)
		} else if !slices.Contains(unknown, "--"+name) {
			unknown = append(unknown, "--"+name)
		}
	}
	switch {
	case len(known) == 0 && len(unknown) == 0:
		return "That is a value without a flag. The model goes into server.model; give several values of a flag as a list in " +
			"server.args."
	case len(known) == 0:
		return fmt.Sprintf("The installed vLLM does not know %s. Correct the spelling, or remove it from server.args; "+
			"--help=all lists what this version takes.", abbreviate(strings.Join(unknown, ", "), 200))
	case len(unknown) > 0:
		known = append(known, fmt.Sprintf("not known to the installed vLLM: %s", abbreviate(strings.Join(unknown, ", "), 200)))
	}
	return strings.Join(known, ". ") + "."
}

// successor says what has become of a flag, or since when there is one; empty for a flag that has no history.
func successor(flag string) string {
	if hint := flagHistory[flag]; hint != "" {
		return hint
	}
	for _, family := range flagFamilies {
		if strings.HasPrefix(flag, family.prefix) {
			return family.hint
		}
	}
	return ""
}

const (
	logRequestsHint = "vLLM before 0.10.1 does not know it, and logs requests unless --disable-log-requests is given"
	speculativeHint = `removed; use --speculative-config '{"method": …, "model": …, "num_speculative_tokens": …}'`
	guidedHint      = `removed in vLLM 0.12; use --structured-outputs-config '{"backend": …}'`
	swapHint        = "removed with the V0 engine, the V1 engine does not swap to the CPU: leave it out"
	multiStepHint   = "removed with the V0 engine: leave it out (--async-scheduling, on by default since vLLM 0.14, took its place)"
	adapterHint     = "removed, prompt adapters are no longer supported: leave it out (LoRA adapters go into --lora-modules)"
	v0Hint          = "removed with the V0 engine: leave it out"
	ropeHint        = `removed; use --hf-overrides '{"rope_scaling": {…}}' (with Transformers 5 '{"rope_parameters": {…}}')`
)

// flagHistory says what has become of flags that vLLM once knew, and since when it knows some that are newer.
var flagHistory = map[string]string{
	"disable-log-requests": "removed in vLLM 0.12, where requests are not logged unless --enable-log-requests is given: leave it out " +
		"(--no-enable-log-requests says the same)",
	"enable-log-requests":    logRequestsHint,
	"no-enable-log-requests": logRequestsHint,
	"no-enable-prefix-caching": "vLLM before 0.6.5 does not know it, and caches no prefixes unless " +
		"--enable-prefix-caching is given: leave it out",
	"swap-space":                       swapHint,
	"preemption-mode":                  swapHint,
	"num-scheduler-steps":              multiStepHint,
	"multi-step-stream-outputs":        multiStepHint,
	"use-v2-block-manager":             v0Hint,
	"num-lookahead-slots":              v0Hint,
	"scheduler-delay-factor":           v0Hint,
	"disable-async-output-proc":        v0Hint,
	"disable-frontend-multiprocessing": v0Hint,
	"worker-use-ray":                   "removed; use --distributed-executor-backend ray",
	"engine-use-ray":                   "removed; use --distributed-executor-backend ray",
	"enable-prompt-adapter":            adapterHint,
	"max-prompt-adapters":              adapterHint,
	"max-prompt-adapter-token":         adapterHint,
	"quantization-param-path":          "removed; scales of the KV cache come with the checkpoint (--kv-cache-dtype fp8)",
	"lora-extra-vocab-size":            "removed, LoRA adapters cannot extend the vocabulary any more: leave it out",
	"num-speculative-tokens":           speculativeHint,
	"ngram-prompt-lookup-max":          speculativeHint,
	"ngram-prompt-lookup-min":          speculativeHint,
	"spec-decoding-acceptance-method":  speculativeHint,
	"rope-scaling":                     ropeHint,
	"rope-theta":                       ropeHint,
	"task": "removed; use --runner (generate, pooling) and, for embeddings or " +
		"classification, --convert",
	"override-pooler-config":     "removed; use --pooler-config",
	"device":                     "removed, the device follows from the installed build of vLLM: leave it out",
	"max-seq-len-to-capture":     "removed; use --max-cudagraph-capture-size",
	"max-context-len-to-capture": "removed; use --max-cudagraph-capture-size",
	"cuda-graph-sizes":           "removed; use --cudagraph-capture-sizes",
	"enable-reasoning":           "removed; --reasoning-parser alone turns it on",
	"speculative-config": "needs vLLM 0.8 or newer; older ones take --speculative-model and " +
		"--num-speculative-tokens",
	"structured-outputs-config":        "vLLM before 0.11 does not know it; use --guided-decoding-backend there",
	"enable-per-request-metrics":       "needs vLLM 0.25 or newer",
	"no-enable-per-request-metrics":    "needs vLLM 0.25 or newer",
	"shutdown-timeout":                 "needs vLLM 0.18 or newer",
	"stream-interval":                  "needs vLLM 0.12 or newer",
	"enable-force-include-usage":       "needs vLLM 0.10 or newer",
	"enable-prompt-tokens-details":     "needs vLLM 0.6.4 or newer",
	"disable-access-log-for-endpoints": "needs a vLLM of 2026",
	"sse-keep-alive-interval":          "needs a vLLM newer than 0.28",
	"per-request-spec-decode-metrics":  "needs a vLLM newer than 0.28",
}

// flagFamilies are flags with a common beginning and a common fate, the more special ones first.
var flagFamilies = []struct{ prefix, hint string }{
	{"speculative-", speculativeHint},
	{"typical-acceptance-sampler-", speculativeHint},
	{"guided-decoding-", guidedHint},
	{"data-parallel-", "needs vLLM 0.8 or newer"},
}

var derivedLength = regexp.MustCompile(`derived max_model_len \([^()]*?=(\d{1,12})(?:\.\d+)?\b`)

// derivedLengthAdvice names the longest context that the model was made for.
func derivedLengthAdvice(text string) string {
	m := derivedLength.FindStringSubmatch(text)
	if m == nil {
		return "Lower max-model-len to what the model's config.json allows."
	}
	return fmt.Sprintf("Lower max-model-len to %s, which is what the model was made for; VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 lets the "+
		"server start, but longer prompts may give nonsense or crash it.", m[1])
}
