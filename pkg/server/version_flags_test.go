package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// boundaries are the releases on both sides of each change, as their command line parsers have it: the older one takes the
// flag that was removed, the newer one the flag that was added.
var boundaries = []struct {
	flags        string
	older, newer string
	added        bool
}{
	{"worker_use_ray quantization-param-path", "0.6.6.post1", "0.7.0", false},
	{"max-context-len-to-capture", "0.6.3.post1", "0.6.4.post1", false},
	{"speculative-model speculative_draft_tensor_parallel_size typical-acceptance-sampler-posterior-alpha num-speculative-tokens " +
		"ngram-prompt-lookup-max spec-decoding-acceptance-method disable-logprobs-during-spec-decoding", "0.8.2", "0.8.3", false},
	{"device use-v2-block-manager enable-reasoning no-enable-reasoning prompt-adapters max-prompt-adapters max-prompt-adapter-token " +
		"qlora-adapter-name-or-path long-lora-scaling-factors tokenizer-pool-size tokenizer-pool-type tokenizer-pool-extra-config " +
		"expand-tools-even-if-tool-choice-none", "0.9.2", "0.10.0", false},
	{"num-scheduler-steps multi-step-stream-outputs", "0.10.0", "0.10.1", false},
	{"enable-prompt-adapter override-neuron-config", "0.10.1.1", "0.10.2", false},
	{"preemption-mode scheduler-delay-factor disable-async-output-proc max-seq-len-to-capture", "0.10.2", "0.11.0", false},
	{"rope-scaling rope-theta enable-lora-bias", "0.11.0", "0.11.1", false},
	{"num-lookahead-slots override-pooler-config lora-extra-vocab-size num-redundant-experts eplb-window-size eplb-step-interval " +
		"eplb-log-balancedness guided_decoding_backend guided-decoding-disable-fallback", "0.11.2", "0.12.0", false},
	{"task cuda-graph-sizes disable-mm-preprocessor-cache enable-multimodal-encoder-data-parallel", "0.12.0", "0.13.0", false},
	{"disable-log-requests no-disable-log-requests logits-processor-pattern", "0.16.0", "0.17.0", false},
	{"swap-space", "0.17.1", "0.18.0", false},
	{"disable-frontend-multiprocessing", "0.18.1", "0.19.0", false},
	{"max-num-partial-prefills max-long-partial-prefills", "0.26.0", "0.27.0", false},
	{"override-attention-dtype calculate-kv-scales", "0.27.1", "0.28.0", false},
	{"engine-use-ray", "0.6.2", "0.6.3", false},

	{"enable-prompt-tokens-details hf-overrides hf_overrides.rope_scaling", "0.6.3.post1", "0.6.4", true},
	{"no-enable-prefix-caching", "0.6.4.post1", "0.6.5", true},
	{"generation-config", "0.6.5", "0.6.6.post1", true},
	{"reasoning-parser", "0.7.1", "0.7.2", true},
	{"enable-server-load-tracking", "0.7.3", "0.8.0", true},
	{"speculative-config speculative_config.num_speculative_tokens", "0.8.1", "0.8.2", true},
	{"data-parallel-size disable-uvicorn-access-log", "0.8.2", "0.8.3", true},
	{"data-parallel-address cuda-graph-sizes", "0.8.5.post1", "0.9.0", true},
	{"enable-force-include-usage", "0.9.1", "0.9.2", true},
	{"async-scheduling no-async-scheduling", "0.9.2", "0.10.0", true},
	{"enable-log-requests no-enable-log-requests runner convert mm-processor-cache-gb", "0.10.0", "0.10.1", true},
	{"structured-outputs-config pooler-config", "0.10.2", "0.11.0", true},
	{"stream_interval max-cudagraph-capture-size cudagraph-capture-sizes", "0.11.0", "0.11.1", true},
	{"profiler-config", "0.12.0", "0.13.0", true},
	{"disable-access-log-for-endpoints", "0.14.1", "0.15.0", true},
	{"shutdown-timeout", "0.17.1", "0.18.0", true},
	{"enable-per-request-metrics no-enable-per-request-metrics", "0.24.0", "0.25.0", true},
	{"sse-keep-alive-interval per-request-spec-decode-metrics", "0.28.0", "0.29.0", true},
}

func TestFlagFindingsOnBothSides(t *testing.T) {
	tested := map[string]bool{}
	for _, b := range boundaries {
		takes, refuses := b.older, b.newer
		if b.added {
			takes, refuses = refuses, takes
		}
		for _, flag := range strings.Fields(b.flags) {
			launch := Launch{Flags: []Flag{{Name: flag, Values: []string{"x"}}}}
			if got := FlagFindings(installed(t, takes), launch); len(got) != 0 {
				t.Errorf("%s with %s: got %+v, want nothing", flag, takes, got)
			}
			got := FlagFindings(installed(t, refuses), launch)
			if len(got) != 1 {
				t.Errorf("%s with %s: got %+v, want one", flag, refuses, got)
				continue
			}
			f := got[0]
			if f.Flag != flag || f.Removed == b.added || b.added && f.Successor != "" {
				t.Errorf("%s with %s: got %+v", flag, refuses, f)
			}
			if low, high := f.Since.Compare(version(t, b.older)), f.Since.Compare(version(t, b.newer)); low <= 0 || high > 0 {
				t.Errorf("%s: since %s, want it after %s, with %s at the latest", flag, f.Since, b.older, b.newer)
			}
			if !strings.HasPrefix(f.Sentence, "vllm "+refuses+" does not take --"+dashed(flag)+": ") || strings.HasSuffix(f.Sentence, ".") {
				t.Errorf("%s with %s: got %q", flag, refuses, f.Sentence)
			}
			c, _ := flagChangeOf(dashed(flag))
			tested[c.name] = true
		}
	}
	for _, c := range flagChanges {
		if !tested[c.name] {
			t.Errorf("%s is not tested", c.name)
		}
	}
}

func TestFlagFindings(t *testing.T) {
	launch := Launch{
		Command: []string{"python", "-m", "vllm.entrypoints.openai.api_server", "--swap-space=4"},
		Flags: []Flag{{Name: "max-num-seqs", Values: []string{"8"}}, {Name: "rope_scaling", Values: []string{"{}"}}, {Name: "no-such-flag"},
			{Name: "disable-log-requests", Off: true}, {Name: "swap_space", Values: []string{"8"}}, {Name: "device", Values: []string{"cuda"}},
			{Name: "enable-per-request-metrics"}},
	}
	want := []FlagFinding{
		{Flag: "swap-space", Removed: true, Since: version(t, "0.18.0"),
			Sentence: "vllm 0.24.0 does not take --swap-space: removed in vLLM 0.18, the V1 engine does not swap to the CPU: leave it out"},
		{Flag: "rope_scaling", Removed: true, Since: version(t, "0.11.1"), Successor: rope,
			Sentence: "vllm 0.24.0 does not take --rope-scaling: removed in vLLM 0.11.1; use --hf-overrides '{\"rope_scaling\": {…}}' " +
				"(with Transformers 5 '{\"rope_parameters\": {…}}')"},
		{Flag: "device", Removed: true, Since: version(t, "0.10.0"),
			Sentence: "vllm 0.24.0 does not take --device: removed in vLLM 0.10, the device follows from the installed build of vLLM: leave it out"},
		{Flag: "enable-per-request-metrics", Since: version(t, "0.25.0"),
			Sentence: "vllm 0.24.0 does not take --enable-per-request-metrics: needs vLLM 0.25 or newer"},
	}
	got := FlagFindings(installed(t, "0.24.0"), launch)
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(Version{}, order{})); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got := FlagFindings(Installed{}, launch); got != nil {
		t.Errorf("unknown version: got %+v", got)
	}
}

// What the next release brings or drops may be in a version on the way to it, or not yet.
func TestFlagFindingsOfVersionsOnTheWay(t *testing.T) {
	for text, want := range map[string]string{
		"0.17.0rc1":              "", // disable-log-requests may be gone, enable-per-request-metrics is not thought of
		"0.24.1.dev300+gabc":     "disable-log-requests",
		"0.25.0rc1":              "disable-log-requests",
		"0.24.0":                 "disable-log-requests enable-per-request-metrics",
		"0.25.0+cpu":             "disable-log-requests",
		"0.16.0":                 "enable-per-request-metrics",
		"0.6.3.dev1122+gdea33cc": "",
	} {
		var flags []string
		for _, f := range FlagFindings(installed(t, text), Launch{Flags: []Flag{{Name: "disable-log-requests"}, {Name: "enable-per-request-metrics"}}}) {
			flags = append(flags, f.Flag)
		}
		if got := strings.Join(flags, " "); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestFlagChangesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range flagChanges {
		if seen[c.name] || c.name != dashed(c.name) || c.added == "" && c.removed == "" {
			t.Errorf("%+v: there twice, misspelt, or without a change", c)
		}
		seen[c.name] = true
		for _, release := range []string{c.added, c.removed} {
			if release != "" && !version(t, release).isRelease() {
				t.Errorf("%s: %q is no release", c.name, release)
			}
		}
		if c.added != "" && c.removed != "" && released(c.added).Compare(released(c.removed)) >= 0 {
			t.Errorf("%s: added in %s, removed in %s", c.name, c.added, c.removed)
		}
		if c.removed == "" && (c.successor != "" || c.because != "") || c.successor != "" && c.because != "" {
			t.Errorf("%+v: has what is never said", c)
		}
	}
}
