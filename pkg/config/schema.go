package config

import (
	"math"
	"slices"
	"strings"
)

// key is one line of the schema: a path of the recipe and the rule of its value.
type key struct {
	path string
	rule
}

// rule is what a key allows, in words, and how a value is stored. set returns what is wrong, empty when nothing is; a rule
// for a list or a map reports its elements itself. set is never called with nothing (null) or with a faulty node.
type rule struct {
	allowed string
	set     func(d *decoder, path string, n *node) (wrong string)
}

// maxCount bounds counts and lengths: token positions are 32-bit numbers in every engine.
const maxCount = math.MaxInt32

// schema lists every key of a recipe, bound to its field of c, in the order in which a recipe is written out.
func schema(c *Config) []key {
	return []key{
		{"name", pattern(&c.Name, namePattern, "letters, digits, '.', '_' and '-', at most 100, not '.' first")},
		{"server.command", command(&c.Server.Command, &c.Server.CommandRaw)},
		{"server.model", modelOrPath(&c.Server.Model, "a folder or a Hugging Face name")},
		{"server.served_model_name", pattern(&c.Server.ServedModelName, servedNamePattern, "a name without spaces, not '-' first, or \"\" for none")},
		{"server.args", args(&c.Server.Args)},
		{"server.env", env(&c.Server.Env)},
		{"server.host", pattern(&c.Server.Host, hostPattern, "an IP address or a host name")},
		{"server.port", wordOr("auto", func() { c.Server.Port = 0 }, whole(&c.Server.Port, 1, 65535))},
		{"server.ready_timeout", duration(&c.Server.ReadyTimeout)},
		{"server.stop_timeout", duration(&c.Server.StopTimeout)},
		{"server.stop_command", optionalCommand(&c.Server.StopCommand, &c.Server.StopCommandRaw,
			"a list of texts such as [docker, stop, NAME], or [] for none")},
		{"server.timings", oneOf(&c.Server.Timings, "auto", "response", "trace", "histogram", "client")},
		{"dataset.path", optionalPath(&c.Dataset.Path, "a file, or \"\" for random prompts")},
		{"dataset.tokenizer", optionalModelOrPath(&c.Dataset.Tokenizer, "a folder or a Hugging Face name, or \"\" for server.model")},
		{"dataset.num_requests", whole(&c.Dataset.NumRequests, 1, maxCount)},
		{"load.max_input_len", whole(&c.Load.MaxInputLen, 0, maxCount)},
		{"load.max_output_len", whole(&c.Load.MaxOutputLen, 1, maxCount)},
		{"load.request_rate", wordOr("inf", func() { c.Load.RequestRate = math.Inf(1) }, positive(&c.Load.RequestRate))},
		{rampPath, ramp(&c.Load.Ramp)},
		{"load.burstiness", wordOr("inf", func() { c.Load.Burstiness = math.Inf(1) }, positive(&c.Load.Burstiness))},
		{"load.duration", offOr(&c.Load.Duration)},
		{"load.concurrency", whole(&c.Load.Concurrency, 0, maxCount)},
		{"load.seed", whole(&c.Load.Seed, math.MinInt64, math.MaxInt64)},
		{"load.ignore_eos", wordOr("auto", func() { c.Load.IgnoreEOS = nil }, truth(&c.Load.IgnoreEOS))},
		{"load.stop_token_ids", wordOr("auto", func() { c.Load.StopTokenIDs = nil }, ids(&c.Load.StopTokenIDs))},
		{"load.receive_stamps", oneOf(&c.Load.ReceiveStamps, "auto", "user")},
		{"load.chunk_usage", wordOr("auto", func() { c.Load.ChunkUsage = nil }, truth(&c.Load.ChunkUsage))},
		{"load.stall_timeout", offOr(&c.Load.StallTimeout)},
		{"load.warmup_requests", wordOr("auto", func() { c.Load.WarmupRequests = -1 }, whole(&c.Load.WarmupRequests, 0, maxCount))},
		{"output.dir", requiredPath(&c.Output.Dir, "a folder")},
		{"verdict.max_failed", whole(&c.Verdict.MaxFailed, 0, maxCount)},
		{"verdict.max_schedule_lag", duration(&c.Verdict.MaxScheduleLag)},
		{"verdict.max_schedule_lag_gap_share", share(&c.Verdict.MaxScheduleLagGapShare)},
		{"verdict.max_client_cpu_share", share(&c.Verdict.MaxClientCPUShare)},
		{"verdict.max_lag_icl_share", share(&c.Verdict.MaxLagICLShare)},
		{"verdict.max_coalesced_share", share(&c.Verdict.MaxCoalescedShare)},
		{"verdict.max_measured_gap_share", share(&c.Verdict.MaxMeasuredGapShare)},
	}
}

// The maps of the schema: two have keys of the user's own.
const (
	argsPath = "server.args"
	envPath  = "server.env"
	rampPath = "load.ramp"
)

// layout answers questions about the paths of the schema.
type layout struct {
	paths    []string
	sections []string
}

func newLayout(keys []key) layout {
	var l layout
	for _, k := range keys {
		l.paths = append(l.paths, k.path)
		section, _, nested := strings.Cut(k.path, ".")
		if nested && !slices.Contains(l.sections, section) {
			l.sections = append(l.sections, section)
		}
	}
	return l
}

func (l layout) isKey(path string) bool { return slices.Contains(l.paths, path) }

func (l layout) isSection(path string) bool { return slices.Contains(l.sections, path) }

// children are the keys directly below a section ("" for the root), sorted, without the section's name.
func (l layout) children(section string) []string {
	var names []string
	for _, path := range append(slices.Clone(l.sections), l.paths...) {
		parent, name := "", path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, name = path[:i], path[i+1:]
		}
		if parent == section {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// suggest gives the path that an unknown key of a section was probably meant to be, empty when none is near: a key of that
// section with few letters changed, or else a key of that very name elsewhere.
func (l layout) suggest(section, name string) string {
	spelt := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if near := nearest(spelt, l.children(section)); near != "" {
		return strings.TrimPrefix(section+"."+near, ".")
	}
	for _, path := range l.paths {
		if path == spelt || strings.HasSuffix(path, "."+spelt) {
			return path
		}
	}
	return ""
}
