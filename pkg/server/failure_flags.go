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
		if change, found := flagChangeOf(name); found {
			known = append(known, "--"+name+": "+change.history())
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
