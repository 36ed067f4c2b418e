package simulator

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// options are the checked settings of one launch.
type options struct {
	model       string
	facts       modelFacts
	servedNames []string
	adapters    []adapter
	host        string
	port        int
	apiKeys     []string

	maxModelLen      int
	maxSeqs          int
	maxBatchedTokens int
	blockSize        int
	// kvBlocks bounds the KV cache; the default never binds.
	kvBlocks       int
	blockSizeGiven bool
	prefixCaching  bool
	chunkedPrefill bool
	streamInterval int

	perRequestMetrics bool
	logStats          bool
	promptDetails     bool
	forceUsage        bool
	requestIDHeaders  bool
	accessLog         bool
	enforceEager      bool
	priorities        bool
	fingerprint       *string
	shutdownTimeout   time.Duration

	startup         time.Duration
	step            time.Duration
	prefillPerToken time.Duration
	decodePerSeq    time.Duration
	outputLen       *lengthRange
	truthDir        string
	truthTokens     bool
	faults          []fault
	stateDir        string
	// tree starts vLLM's processes, whose environment wipeEnviron hides; deathDelay is from the engine's death to the exit.
	tree        bool
	wipeEnviron bool
	deathDelay  time.Duration
	reusePort   bool
	// hold is a pattern of files without which the server does not become ready, readyFile what it writes then.
	hold      string
	readyFile string
	// version is the release that the server says it is.
	version string
	// cacheDir is where the prefix cache is kept between launches; empty for nowhere.
	cacheDir string
	// metronome is what is served instead of an engine's tokens; the zero value for nothing.
	metronome metronomeOptions
	// traces is how requests are traced; the zero value traces none.
	traces traceOptions

	// given is the parsed command line, for the log.
	given *arguments
}

// adapter is a LoRA adapter that is served under a name of its own.
type adapter struct {
	Name string `json:"name"`
	Path string `json:"path"`
	Base string `json:"base_model_name"`
}

// The default cost of a step: a small model on a small accelerator, slow enough that times can be told from noise.
const (
	defaultStartup         = time.Second
	defaultStep            = 10 * time.Millisecond
	defaultPrefillPerToken = 50 * time.Microsecond
	defaultDecodePerSeq    = 100 * time.Microsecond
	// defaultDeathDelay is what a vLLM 0.32.0 took.
	defaultDeathDelay = 5 * time.Second
	// defaultMetronomeTTFT is that of a short prompt on a busy GPU.
	defaultMetronomeTTFT = 60 * time.Millisecond
)

// startError is a failure of the launch that vLLM reports as a Python exception: traceback, exit status 1.
type startError struct{ exception, text string }

func (e *startError) Error() string { return e.exception + ": " + e.text }

func valueError(format string, args ...any) error {
	return &startError{"ValueError", fmt.Sprintf(format, args...)}
}

// validationFailure is a pydantic error of one of vLLM's configuration classes.
func validationFailure(class, text string) error {
	return &startError{"pydantic_core._pydantic_core.ValidationError",
		fmt.Sprintf("1 validation error for %s\n  Value error, %s", class, text)}
}

// newOptions checks what argparse cannot. Errors are *usageError or *startError.
func newOptions(args *arguments, lookupEnv func(string) (string, bool)) (*options, error) {
	v := argValues{args: args}
	o := &options{given: args, model: v.text("--model", "Qwen/Qwen3-0.6B"), host: v.text("--host", ""), port: v.integer("--port", 8000)}
	if v.flag("--enable-per-request-metrics", false) && v.flag("--disable-log-stats", false) {
		return nil, valueError("Error: --enable-per-request-metrics requires engine statistics logging; " +
			"remove --disable-log-stats to enable per-request metrics.")
	}
	var err error
	if o.traces, err = newTraceOptions(v.text("--otlp-traces-endpoint", ""), lookupEnv); err != nil {
		return nil, err
	}
	if path := v.text("--config", ""); path != "" {
		return nil, usagef("argument --config: the simulator does not read configuration files, got %s", path)
	}
	o.servedNames = v.list("--served-model-name")
	if len(o.servedNames) == 0 {
		o.servedNames = []string{o.model}
	}
	o.apiKeys = v.list("--api-key")
	o.takeSwitches(v)
	if err := o.takeSimulation(v); err != nil {
		return nil, err
	}
	if o.facts, err = readModel(o.model); err != nil {
		return nil, err
	}
	if n := v.integer("--sim-vocab-size", 0); n > 0 {
		o.facts.vocab = n
	}
	if o.adapters, err = readAdapters(v.list("--lora-modules"), v.flag("--enable-lora", false)); err != nil {
		return nil, err
	}
	return o, o.takeEngine(v)
}

func (o *options) takeSwitches(v argValues) {
	o.version = v.text("--sim-version", Version)
	o.perRequestMetrics = v.flag("--enable-per-request-metrics", false)
	o.logStats = !v.flag("--disable-log-stats", false)
	o.promptDetails = v.flag("--enable-prompt-tokens-details", false)
	o.forceUsage = v.flag("--enable-force-include-usage", false)
	o.requestIDHeaders = v.flag("--enable-request-id-headers", false)
	o.enforceEager = v.flag("--enforce-eager", false)
	o.prefixCaching = v.flag("--enable-prefix-caching", true)
	o.chunkedPrefill = v.flag("--enable-chunked-prefill", true)
	level := v.text("--uvicorn-log-level", "info")
	o.accessLog = !v.flag("--disable-uvicorn-access-log", false) && (level == "info" || level == "debug" || level == "trace")
	o.priorities = v.text("--scheduling-policy", "fcfs") == "priority"
	o.streamInterval = v.integer("--stream-interval", 1)
	o.shutdownTimeout = time.Duration(v.integer("--shutdown-timeout", 0)) * time.Second
	switch v.text("--fingerprint-mode", "full") {
	case "none":
	case "custom":
		if value, ok := v.lookup("--fingerprint-value"); ok {
			o.fingerprint = &value
		}
	default:
		value := fmt.Sprintf("vllm-%s-%08x", o.version, uint32(mix(hashText(o.model))))
		o.fingerprint = &value
	}
}

func (o *options) takeSimulation(v argValues) error {
	o.startup = v.duration("--sim-startup", defaultStartup)
	o.step = v.duration("--sim-step", defaultStep)
	o.prefillPerToken = v.duration("--sim-prefill-per-token", defaultPrefillPerToken)
	o.decodePerSeq = v.duration("--sim-decode-per-seq", defaultDecodePerSeq)
	o.truthDir = v.text("--sim-truth", "")
	o.truthTokens = v.flag("--sim-truth-tokens", false)
	if text := v.text("--sim-output-len", ""); text != "" {
		r, err := parseLengthRange(text)
		if err != nil {
			return usagef("argument --sim-output-len: %v", err)
		}
		o.outputLen = &r
	}
	o.tree = v.flag("--sim-tree", false)
	o.wipeEnviron = v.flag("--sim-wipe-environ", false)
	o.deathDelay = v.duration("--sim-death-delay", defaultDeathDelay)
	o.reusePort = v.flag("--sim-reuseport", false)
	o.readyFile = v.text("--sim-ready-file", "")
	o.cacheDir = v.text("--sim-cache", "")
	o.stateDir = v.text("--sim-state", "")
	o.hold = v.text("--sim-hold", "")
	if _, err := filepath.Match(o.hold, ""); err != nil {
		return usagef("argument --sim-hold: %q is no pattern of file names: %v", o.hold, err)
	}
	if err := o.takeFaults(v.args.values["--sim-fault"]); err != nil {
		return err
	}
	return o.takeMetronome(v)
}

func (o *options) takeFaults(texts []string) error {
	for i, text := range texts {
		f, err := parseFault(text)
		switch {
		case err != nil:
			return usagef("argument --sim-fault: %v", err)
		case f.kind.tree && !o.tree:
			return usagef("argument --sim-fault: %s needs --sim-tree", f.kind.name)
		case f.count > 0 && o.stateDir == "":
			return usagef("argument --sim-fault: count in %q needs --sim-state DIR", text)
		}
		f.index = i
		o.faults = append(o.faults, f)
	}
	return nil
}

// takeEngine settles the limits of the engine and refuses what vLLM refuses.
func (o *options) takeEngine(v argValues) error {
	o.maxModelLen = o.facts.maxLen
	if n := v.human("--max-model-len", -1); n != -1 {
		if n > o.facts.maxLen && pathLike(o.model) {
			return validationFailure("ModelConfig", tooLong(n, o.facts.maxLen))
		}
		o.maxModelLen = n
	}
	o.maxSeqs = v.integer("--max-num-seqs", 256)
	o.maxBatchedTokens = v.human("--max-num-batched-tokens", 0)
	if o.maxBatchedTokens == 0 {
		o.maxBatchedTokens = 2048
		if !o.chunkedPrefill {
			o.maxBatchedTokens = max(o.maxBatchedTokens, o.maxModelLen)
		}
		o.maxBatchedTokens = max(o.maxBatchedTokens, o.maxSeqs)
	}
	_, o.blockSizeGiven = v.lookup("--block-size")
	o.blockSize = v.integer("--block-size", 16)
	positive := []struct {
		name  string
		value int
	}{
		{"max_model_len", o.maxModelLen}, {"max_num_seqs", o.maxSeqs}, {"block_size", o.blockSize},
		{"max_num_batched_tokens", o.maxBatchedTokens}, {"stream_interval", o.streamInterval}, {"vocab_size", o.facts.vocab},
	}
	for _, p := range positive {
		if p.value < 1 {
			return validationFailure("EngineArgs", fmt.Sprintf("%s must be greater than 0, got %d", p.name, p.value))
		}
	}
	if !o.chunkedPrefill && o.maxBatchedTokens < o.maxModelLen {
		return validationFailure("SchedulerConfig", fmt.Sprintf("max_num_batched_tokens (%d) is smaller than max_model_len (%d). "+
			"This effectively limits the maximum sequence length to max_num_batched_tokens and makes vLLM reject longer sequences. "+
			"Please increase max_num_batched_tokens or decrease max_model_len.", o.maxBatchedTokens, o.maxModelLen))
	}
	if o.maxBatchedTokens < o.maxSeqs {
		return validationFailure("SchedulerConfig", fmt.Sprintf("max_num_batched_tokens (%d) must be greater than or equal to "+
			"max_num_seqs (%d).", o.maxBatchedTokens, o.maxSeqs))
	}
	return o.sizeCache(v)
}

// sizeCache gives the KV cache room for every sequence at full length, unless the command line says how many blocks it has.
func (o *options) sizeCache(v argValues) error {
	perSequence := (o.maxModelLen + o.blockSize - 1) / o.blockSize
	o.kvBlocks = v.integer("--num-gpu-blocks-override", perSequence*o.maxSeqs)
	if o.kvBlocks < perSequence {
		return valueError("To serve at least one request with the models's max seq len (%d), more KV cache is needed than is "+
			"available (%d blocks of %d tokens). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when "+
			"initializing the engine.", o.maxModelLen, o.kvBlocks, o.blockSize)
	}
	return nil
}

func tooLong(asked, derived int) string {
	return fmt.Sprintf("User-specified max_model_len (%d) is greater than the derived max_model_len (max_position_embeddings=%d "+
		"or model_max_length=None in model's config.json). To allow overriding this maximum, set the env var "+
		"VLLM_ALLOW_LONG_MAX_MODEL_LEN=1. VLLM_ALLOW_LONG_MAX_MODEL_LEN must be used with extreme caution. If the model uses "+
		"relative position encoding (RoPE), positions exceeding derived_max_model_len lead to nan. If the model uses absolute "+
		"position encoding, positions exceeding derived_max_model_len will cause a CUDA array out-of-bounds error.", asked, derived)
}

// readAdapters reads --lora-modules: name=path or a JSON object each.
func readAdapters(texts []string, enabled bool) ([]adapter, error) {
	var adapters []adapter
	for _, text := range texts {
		var a adapter
		name, path, pair := strings.Cut(text, "=")
		switch {
		case pair && !strings.HasPrefix(strings.TrimSpace(text), "{"):
			a = adapter{Name: name, Path: path}
		case json.Unmarshal([]byte(text), &a) != nil || a.Name == "" || a.Path == "":
			return nil, usagef("Invalid JSON format for --lora-modules: %s", text)
		}
		adapters = append(adapters, a)
	}
	if len(adapters) > 0 && !enabled {
		return nil, valueError("Call to add_lora method failed: LoRA is not enabled. Use --enable-lora to enable LoRA.")
	}
	return adapters, nil
}

// argValues reads typed values from arguments whose form has been checked.
type argValues struct{ args *arguments }

// lookup returns the last value given; an optional one that was given as None counts as absent.
func (v argValues) lookup(name string) (string, bool) {
	values := v.args.values[name]
	if len(values) == 0 || values[len(values)-1] == "None" {
		return "", false
	}
	return values[len(values)-1], true
}

func (v argValues) list(name string) []string { return v.args.values[name] }

func (v argValues) text(name, fallback string) string {
	if value, ok := v.lookup(name); ok {
		return value
	}
	return fallback
}

func (v argValues) integer(name string, fallback int) int {
	if n, err := pythonInt(v.text(name, "")); err == nil {
		return n
	}
	return fallback
}

// human reads 8k and the like; auto and -1 count as absent.
func (v argValues) human(name string, fallback int) int {
	if n, err := humanInt(v.text(name, "")); err == nil && n != -1 {
		return n
	}
	return fallback
}

func (v argValues) flag(name string, fallback bool) bool {
	if value, err := strconv.ParseBool(v.text(name, "")); err == nil {
		return value
	}
	return fallback
}

func (v argValues) duration(name string, fallback time.Duration) time.Duration {
	if d, err := time.ParseDuration(v.text(name, "")); err == nil {
		return d
	}
	return fallback
}
