// Package config turns a recipe (YAML) into a Config, or into all its problems at once.
//
// Data flow: bytes → tree of values with their positions (duplicate keys, tags and aliases are settled there) → --set
// overrides put into the tree → Default() overwritten key by key, each by the rule of its line in the schema → rules that
// look at several keys → Config. Whatever is wrong on the way becomes a Problem with its place, and the work goes on, so
// that one run shows every mistake. Config.YAML is the way back: the recipe as resolved.
//
// Nothing is repaired: a value of the wrong type, an unknown key or a variable that is not set is a Problem, never a guess.
package config

import "time"

// Config is one recipe, with defaults filled in, paths made absolute and variables expanded.
type Config struct {
	// Name names the run; default: the recipe file's name without its extension.
	Name    string
	Server  Server
	Dataset Dataset
	Load    Workload
	Output  Output
	Verdict Verdict
}

// Server is how vLLM is started and stopped.
type Server struct {
	// Command starts the server, before any flag; [simulator] means this program's own simulator.
	Command []string
	// CommandRaw is Command before ${VAR} was expanded in the elements after the first; it is what gets stored. The first
	// element is a program: it stands here as in Command, a "$" in it doubled.
	CommandRaw []string
	// Model is a folder (absolute path) or a Hugging Face name.
	Model string
	// ServedModelName is an additional name the server answers to; empty for none.
	ServedModelName string
	// Args are the flags under test, in the recipe's order.
	Args []Arg
	// Env is added to the inherited environment, in the recipe's order.
	Env []EnvVar
	// Host is the address the server listens on.
	Host string
	// Port is the port to listen on, 0 for a free one ("auto").
	Port int
	// ReadyTimeout bounds a start, StopTimeout the grace between SIGTERM and SIGKILL.
	ReadyTimeout time.Duration
	StopTimeout  time.Duration
	// StopCommand stops a server that runs in a container, before it is stopped in the ordinary way; empty for none.
	// StopCommandRaw is to it what CommandRaw is to Command.
	StopCommand    []string
	StopCommandRaw []string
	// Timings is where the times of requests are taken from: auto, response, trace, histogram or client.
	Timings string
}

// Arg is one flag of the server.
type Arg struct {
	// Name is the flag without leading dashes, as the recipe spells it.
	Name string
	// Off is true for the value false: the flag is left out.
	Off bool
	// Values follow the flag; none for the value true (a bare flag). A map is one value: its JSON, keys in the recipe's order.
	Values []string
}

// EnvVar is one variable of the server's environment.
type EnvVar struct {
	Name  string
	Value string
	// Raw is Value as the recipe wrote it, before ${VAR} was expanded; it is what gets stored.
	Raw string
}

// Dataset is what is sent.
type Dataset struct {
	// Path is the file (absolute), empty for random prompts.
	Path string
	// Tokenizer is the folder or name whose config.json and tokenizer files tell vocabulary and stop ids; default Server.Model.
	Tokenizer   string
	NumRequests int
}

// Workload is how the data set is sent: the section load.
//
// Note: the type is not called Load because the function that loads a recipe is.
type Workload struct {
	// MaxInputLen is the length of random prompts; with a data set the longest prompt allowed, 0 for no bound of its own.
	MaxInputLen int
	// MaxOutputLen is the max_tokens of the full pass.
	MaxOutputLen int
	// RequestRate is arrivals per second; +Inf sends all at time 0, or by Ramp where there is one.
	RequestRate float64
	// Ramp is a rate of arrivals that changes; nil for none.
	Ramp *Ramp
	// Burstiness is the shape of the gamma distribution of the gaps between arrivals: 1 is Poisson, +Inf even gaps.
	Burstiness float64
	// Duration is how long requests are sent; 0 for no limit.
	Duration time.Duration
	// Concurrency bounds the requests in flight; 0 for no bound.
	Concurrency int
	Seed        int64
	// IgnoreEOS is nil for "auto": true for random prompts, false for a data set.
	IgnoreEOS *bool
	// StopTokenIDs is nil for "auto": none for random prompts, the model's eos ids and <|eot_id|> for a data set.
	StopTokenIDs []int
	// ReceiveStamps is whose clock stamps what comes: "auto", the kernel's where it stamps, or "user".
	ReceiveStamps string
	// ChunkUsage asks the server for token counts in every chunk; nil for "auto": where its flags make chunks of several tokens.
	ChunkUsage *bool
	// StallTimeout ends a pass in which requests run and for so long none gets a token or ends; 0 for never.
	StallTimeout time.Duration
	// WarmupRequests is the number of requests before each pass; -1 for "auto".
	WarmupRequests int
}

// Ramp is a number of arrivals per second that changes linearly from From, which may be 0, to To within Duration, and then stays.
type Ramp struct {
	From, To float64
	Duration time.Duration
}

// Output is where results go.
type Output struct {
	// Dir is absolute.
	Dir string
}

// Verdict holds the thresholds of the verdict.
type Verdict struct {
	// MaxFailed is the number of failed requests per pass that does not make a run invalid.
	MaxFailed int
	// MaxScheduleLag is the 99th percentile of schedule_lag_ms from which on the client is suspected.
	MaxScheduleLag time.Duration
	// MaxScheduleLagGapShare is the same bound as a share of the mean gap between arrivals; both must be exceeded.
	MaxScheduleLagGapShare float64
	// MaxClientCPUShare is the share of its processors that the client may use.
	MaxClientCPUShare float64
	// MaxLagICLShare is how late the client may be, as a share of the median gap between chunks, with user stamps or while its
	// processors are used up to more than MaxClientCPUShare.
	MaxLagICLShare float64
	// MaxCoalescedShare is the share of the chunks that may have the stamp of the one before.
	MaxCoalescedShare float64
	// MaxMeasuredGapShare is the difference of derived and measured generation latency, as a share of the latter, above which
	// a note tells of it.
	MaxMeasuredGapShare float64
}
