package simulator

import (
	"fmt"
	"strings"
	"time"
)

// startupLine is one piece of the start-up log and when it appears, as a share of the start-up time.
type startupLine struct {
	at float64
	// process and source make the prefix of a line of vLLM's logger; without a process the text appears as it is.
	process, source, text string
}

// print writes the line.
func (s startupLine) print(l *logger) {
	if s.process == "" {
		l.text(s.text)
		return
	}
	l.info(s.process, s.source, "%s", s.text)
}

// startupLog is what a vLLM 0.32 on one GPU prints while it starts, in order.
func startupLog(o *options) []startupLine {
	seconds := func(share float64) float64 { return (time.Duration(share * float64(o.startup))).Seconds() }
	lines := []startupLine{{0, "", "", "DeprecationWarning: The `python -m vllm.entrypoints.openai.api_server` command is deprecated " +
		"and may be removed in a future release. Please use `vllm server` instead.\n"}}
	for i, text := range []string{
		"", "       █     █     █▄   ▄█", " ▄▄ ▄█ █     █     █ ▀▄▀ █  version " + o.version,
		"  █▄█▀ █     █     █     █  model   " + o.model, "   ▀▀  ▀▀▀▀▀ ▀▀▀▀▀ ▀     ▀", "",
	} {
		if i < 5 { // vLLM breaks the lines of one message so
			text += "\r"
		}
		lines = append(lines, startupLine{0, fromAPI, "api_utils.py:347", text})
	}
	lines = append(lines,
		startupLine{0, fromAPI, "api_utils.py:286", "non-default args: " + nonDefaultArgs(o.given)},
		startupLine{0.10, fromAPI, "model.py:733", "Resolved architecture: " + o.facts.architecture},
		startupLine{0.10, fromAPI, "model.py:2152", fmt.Sprintf("Using max model len %d", o.maxModelLen)},
	)
	if o.chunkedPrefill {
		lines = append(lines, startupLine{0.12, fromAPI, "scheduler.py:308",
			fmt.Sprintf("Chunked prefill is enabled with max_num_batched_tokens=%d.", o.maxBatchedTokens)})
	}
	lines = append(lines,
		startupLine{0.20, fromEngine, "core.py:133", fmt.Sprintf("Initializing a V1 LLM engine (v%s) with config: model='%s', "+
			"max_seq_len=%d, enforce_eager=%s, served_model_name=%s, enable_prefix_caching=%s, enable_chunked_prefill=%s",
			o.version, o.model, o.maxModelLen, pyBool(o.enforceEager), o.servedNames[0], pyBool(o.prefixCaching), pyBool(o.chunkedPrefill))},
		startupLine{0.30, fromWorker, "gpu_model_runner.py:5040", fmt.Sprintf("Starting to load model %s...", o.model)})
	lines = append(lines, progress("Loading safetensors checkpoint shards", 0.35, 0.50, 4)...)
	lines = append(lines,
		startupLine{0.52, fromWorker, "default_loader.py:502", fmt.Sprintf("Loading weights took %.2f seconds", seconds(0.17))},
		startupLine{0.55, fromWorker, "gpu_model_runner.py:5150",
			fmt.Sprintf("Model loading took 0.50 GiB memory and %.6f seconds", seconds(0.25))})
	if !o.enforceEager {
		lines = append(lines,
			startupLine{0.60, fromWorker, "backends.py:1167", fmt.Sprintf("Dynamo bytecode transform time: %.2f s", seconds(0.05))},
			startupLine{0.68, fromWorker, "monitor.py:81", fmt.Sprintf("torch.compile took %.2f s in total", seconds(0.13))})
	}
	lines = append(lines,
		startupLine{0.72, fromWorker, "gpu_worker.py:760", "Available KV cache memory: 1.00 GiB"},
		startupLine{0.74, fromEngine, "kv_cache_utils.py:2327", cacheSize(o)})
	if !o.enforceEager {
		lines = append(lines, progress("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE)", 0.76, 0.88, 4)...)
		lines = append(lines, startupLine{0.89, fromWorker, "gpu_model_runner.py:6582",
			fmt.Sprintf("Graph capturing finished in %.0f secs, took 0.10 GiB", seconds(0.13))})
	}
	return append(lines,
		startupLine{0.90, fromEngine, "core.py:402",
			fmt.Sprintf("init engine (profile, create kv cache, warmup model) took %.2f s", seconds(0.35))},
		startupLine{0.95, fromAPI, "entry.py:136", "Supported tasks: ['generate']"})
}

// progress is a bar that is drawn over itself, once per step, by carriage returns.
func progress(title string, from, to float64, steps int) []startupLine {
	var lines []startupLine
	for i := range steps + 1 {
		end := ""
		if i == steps {
			end = "\n"
		}
		text := fmt.Sprintf("\r%s: %3d%% Completed | %d/%d%s", title, 100*i/steps, i, steps, end)
		lines = append(lines, startupLine{from + (to-from)*float64(i)/float64(steps), "", "", text})
	}
	return lines
}

func cacheSize(o *options) string {
	tokens := o.kvBlocks * o.blockSize
	return fmt.Sprintf("GPU KV cache size: %s tokens, Maximum concurrency for %s tokens per request: %.2fx",
		thousands(tokens), thousands(o.maxModelLen), float64(tokens)/float64(o.maxModelLen))
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func pyBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// nonDefaultArgs is the dict of the flags that were given, as vLLM prints it.
func nonDefaultArgs(args *arguments) string {
	var parts []string
	for _, key := range args.given {
		name := strings.ReplaceAll(strings.TrimLeft(key, "-"), "-", "_")
		parts = append(parts, pyRepr(name)+": "+pythonValue(args.table.byName[key], args.values[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// pythonValue guesses the Python form of a flag's values: numbers and truth values bare, lists where the flag takes several.
func pythonValue(spec *flagSpec, values []string) string {
	if spec.arity == "+" || spec.kind == kindAppend {
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = pyRepr(v)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	value := values[len(values)-1]
	switch spec.kind {
	case kindBool, kindTrue:
		return pyBool(value == "true")
	case kindInt, kindFloat, kindHuman, kindHumanAuto, kindJSON:
		return value
	}
	return pyRepr(value)
}

// readyLog is what follows once the port is listened on.
func readyLog(l *logger, pid int) {
	l.info(fromAPI, "launcher.py:186", "Available routes are:")
	for _, route := range []string{
		"/load, Methods: GET", "/version, Methods: GET", "/health, Methods: GET", "/metrics, Methods: GET", "/v1/models, Methods: GET",
		"/ping, Methods: GET", "/ping, Methods: POST", "/v1/completions, Methods: POST",
	} {
		l.info(fromAPI, "launcher.py:195", "Route: %s", route)
	}
	l.line("INFO:     Started server process [%d]", pid)
	l.line("INFO:     Waiting for application startup.")
	l.line("INFO:     Application startup complete.")
}
