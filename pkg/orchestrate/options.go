package orchestrate

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// This file translates the recipe into the Options of the other packages, one function per section, and nothing else does.

// simulatorCommand is the word in server.command that means this program's own simulator.
const simulatorCommand = "simulator"

// serverCommand is the command that starts the server, with the simulator's word resolved to this program.
func serverCommand(cfg *config.Config, o Options) []string {
	if usesSimulator(cfg) {
		return append([]string{o.Self}, cfg.Server.Command...)
	}
	return cfg.Server.Command
}

func usesSimulator(cfg *config.Config) bool {
	return len(cfg.Server.Command) > 0 && cfg.Server.Command[0] == simulatorCommand
}

// launchFor is the command line of one pass: the recipe's flags, and those that were added.
func launchFor(cfg *config.Config, o Options, served string, port int, added []server.Flag) server.Launch {
	names := []string{served}
	if cfg.Server.ServedModelName != "" {
		names = append(names, cfg.Server.ServedModelName)
	}
	flags := make([]server.Flag, len(cfg.Server.Args))
	for i, a := range cfg.Server.Args {
		flags[i] = server.Flag{Name: a.Name, Off: a.Off, Values: a.Values}
	}
	return server.Launch{Command: serverCommand(cfg, o), Model: cfg.Server.Model, ServedNames: names,
		Host: cfg.Server.Host, Port: port, Flags: append(flags, added...)}
}

// serverEnviron is the server's environment: ours, what is added to it, and the recipe's additions, which count most.
func serverEnviron(cfg *config.Config, o Options, added [][2]string) []string {
	return server.Environ(o.Environ, slices.Concat(added, recipeEnv(cfg)))
}

func recipeEnv(cfg *config.Config) [][2]string {
	list := make([][2]string, len(cfg.Server.Env))
	for i, v := range cfg.Server.Env {
		list[i] = [2]string{v.Name, v.Value}
	}
	return list
}

// modelOptions say where the model's facts are: where the server will find the model, unless the recipe names another place.
func modelOptions(cfg *config.Config, o Options) dataset.ModelOptions {
	m := dataset.ModelOptions{Name: cfg.Dataset.Tokenizer, LookupEnv: lookupIn(serverEnviron(cfg, o, nil)), Home: o.Home}
	if m.Name == "" || m.Name == cfg.Server.Model {
		m.Name, m.Revision = cfg.Server.Model, argValue(cfg.Server.Args, "revision")
	}
	return m
}

func loadOptions(cfg *config.Config, n int) dataset.LoadOptions {
	return dataset.LoadOptions{Path: cfg.Dataset.Path, NumRequests: n}
}

func randomOptions(cfg *config.Config, m dataset.Model, n int) dataset.RandomOptions {
	return dataset.RandomOptions{N: n, Length: cfg.Load.MaxInputLen, Vocab: m.VocabSize,
		Seed: cfg.Load.Seed}
}

func limits(cfg *config.Config, m dataset.Model, maxModelLen int) dataset.Limits {
	return dataset.Limits{MaxInputLen: cfg.Load.MaxInputLen, MaxModelLen: maxModelLen,
		MaxOutputLen: cfg.Load.MaxOutputLen, VocabSize: m.VocabSize}
}

func warmupOptions(cfg *config.Config, in *Inputs, n int) dataset.WarmupOptions {
	return dataset.WarmupOptions{N: n, Length: in.Prompts.Longest(), Vocab: in.Model.VocabSize, Seed: cfg.Load.Seed}
}

// completion is one request of a pass to the server that answers to the name served.
func completion(in *Inputs, served string, p dataset.Prompt, maxTokens int) client.Completion {
	return client.Completion{Model: served, Prompt: p.IDs, MaxTokens: maxTokens, IgnoreEOS: in.IgnoreEOS,
		StopTokenIDs: in.StopIDs, RunningUsage: in.ChunkUsage}
}

// clientOptions are those of the measured requests to a server at base.
func clientOptions(cfg *config.Config, base, apiKey string, requests int) client.Options {
	return client.Options{BaseURL: base, Connections: connections(cfg, requests), APIKey: apiKey,
		UserStamps: cfg.Load.ReceiveStamps == "user"}
}

// severalTokensFlags are flags with which a server sends chunks of several tokens.
var severalTokensFlags = []string{"speculative-config", "speculative-model", "stream-interval", "num-scheduler-steps"}

// chunkUsage tells whether the server is asked for token counts in every chunk: as the recipe says, or where its flags make
// chunks of several tokens.
func chunkUsage(cfg *config.Config) bool {
	if cfg.Load.ChunkUsage != nil {
		return *cfg.Load.ChunkUsage
	}
	return slices.ContainsFunc(cfg.Server.Args, func(a config.Arg) bool {
		one := len(a.Values) == 1 && a.Values[0] == "1"
		return !a.Off && !one && slices.Contains(severalTokensFlags, strings.ReplaceAll(a.Name, "_", "-"))
	})
}

// requests encodes prompts into requests with ids idPrefix + index.
func requests(in *Inputs, served, idPrefix string, prompts []dataset.Prompt, maxTokens int) []client.Request {
	list := make([]client.Request, len(prompts))
	for i, p := range prompts {
		list[i] = client.Request{
			ID:           idPrefix + strconv.Itoa(i),
			Body:         client.EncodeCompletion(completion(in, served, p, maxTokens)),
			PromptTokens: len(p.IDs),
			MaxTokens:    maxTokens,
			MustReachMax: in.IgnoreEOS && len(in.StopIDs) == 0,
		}
	}
	return list
}

// arrivals are those of a pass with at most n requests.
func arrivals(cfg *config.Config, n int) bench.Arrivals {
	l := cfg.Load
	a := bench.Arrivals{N: n, Rate: l.RequestRate, Burstiness: l.Burstiness, Duration: l.Duration, Seed: l.Seed}
	if l.Ramp != nil {
		ramp := bench.Ramp(*l.Ramp)
		a.Ramp = &ramp
	}
	return a
}

func benchOptions(cfg *config.Config, in *Inputs, reqs []client.Request) bench.Options {
	rows := make([]int, len(in.Prompts.Prompts))
	for i, p := range in.Prompts.Prompts {
		rows[i] = p.Row
	}
	return bench.Options{Requests: reqs, Rows: rows, Offsets: in.Offsets, Concurrency: cfg.Load.Concurrency,
		StallTimeout: cfg.Load.StallTimeout}
}

// warmupBench sends all warm-up requests at once, within the recipe's concurrency.
func warmupBench(cfg *config.Config, reqs []client.Request) bench.Options {
	rows := make([]int, len(reqs))
	for i := range rows {
		rows[i] = i
	}
	return bench.Options{Requests: reqs, Rows: rows, Offsets: make([]time.Duration, len(reqs)),
		Concurrency: cfg.Load.Concurrency, StallTimeout: cfg.Load.StallTimeout}
}

// baseURL is where a server that listens on host can be reached from here.
func baseURL(host string, port int) string {
	switch ip := net.ParseIP(host); {
	case host == "" || ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// apiKey is the key that the server will ask for: the first of the flag api-key, else VLLM_API_KEY of its environment.
func apiKey(cfg *config.Config, o Options) string {
	for _, a := range cfg.Server.Args {
		if strings.ReplaceAll(a.Name, "_", "-") == "api-key" && !a.Off && len(a.Values) > 0 {
			return a.Values[0]
		}
	}
	for _, v := range slices.Backward(cfg.Server.Env) {
		if v.Name == apiKeyVariable {
			return v.Value
		}
	}
	key, _ := o.LookupEnv(apiKeyVariable)
	return key
}

const apiKeyVariable = "VLLM_API_KEY"

// connections is the most requests that can be in flight at once.
func connections(cfg *config.Config, requests int) int {
	if c := cfg.Load.Concurrency; c > 0 {
		return min(c, requests)
	}
	return requests
}

// thresholds are the verdict's, with the recipe's own where it has a key for them.
func thresholds(cfg *config.Config) report.Thresholds {
	t := report.DefaultThresholds()
	t.MaxFailed = cfg.Verdict.MaxFailed
	t.ScheduleLag = float64(cfg.Verdict.MaxScheduleLag) / float64(time.Millisecond)
	t.ScheduleLagGapShare = cfg.Verdict.MaxScheduleLagGapShare
	t.ClientCPUShare, t.CoalescedShare = cfg.Verdict.MaxClientCPUShare, cfg.Verdict.MaxCoalescedShare
	t.LagICLShare = cfg.Verdict.MaxLagICLShare
	t.MeasuredGapShare = cfg.Verdict.MaxMeasuredGapShare
	return t
}

func datasetInfo(set dataset.Set) report.DatasetInfo {
	return report.DatasetInfo{Source: set.Source, Format: string(set.Format), SHA256: set.SHA256,
		RowsInFile: set.RowsInFile, Requests: len(set.Prompts), PromptTokens: set.Tokens(), Shortest: set.Shortest(),
		Longest: set.Longest(), PromptsSHA256: set.Hash()}
}

func loadInfo(cfg *config.Config, in *Inputs) report.LoadInfo {
	l := report.LoadInfo{RequestRate: rateText(cfg.Load.RequestRate), Concurrency: cfg.Load.Concurrency,
		MaxOutputLen: cfg.Load.MaxOutputLen, IgnoreEOS: in.IgnoreEOS, StopTokenIDs: in.StopIDs, Seed: cfg.Load.Seed,
		DurationSeconds: cfg.Load.Duration.Seconds()}
	if r := cfg.Load.Ramp; r != nil {
		l.RequestRate = "ramp"
		l.Ramp = &report.RampInfo{From: r.From, To: r.To, DurationSeconds: r.Duration.Seconds()}
	}
	if b := cfg.Load.Burstiness; b != 1 {
		l.Burstiness = rateText(b)
	}
	if n := len(in.Offsets); n > 0 {
		l.LastArrivalSeconds = in.Offsets[n-1].Seconds()
	}
	return l
}

func modelInfo(cfg *config.Config, in *Inputs) report.Model {
	return report.Model{Name: cfg.Server.Model, Dir: in.Model.Dir, VocabSize: in.Model.VocabSize,
		MaxModelLen: in.MaxModelLen}
}

// rateText is requests per second as the recipe writes it.
func rateText(rate float64) string {
	if rate > maxFiniteRate {
		return "inf"
	}
	return strconv.FormatFloat(rate, 'g', -1, 64)
}

const maxFiniteRate = 1e308
