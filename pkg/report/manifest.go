package report

import (
	"fmt"
	"time"
)

// SchemaVersion is the version of the run directory's format; every JSON file of a run, and each line of its JSONL files, carries
// it. Version 2 has client.json, and receive stamps by the kernel.
const SchemaVersion = 2

// oldestSchema is the oldest version that can still be read.
const oldestSchema = 1

// Manifest is what was run, on what, and how it went, apart from the requests themselves: manifest.json. It is written when
// the run opens, again after each step, and for the last time when the run ends.
type Manifest struct {
	Schema int    `json:"schema"`
	Name   string `json:"name"`
	RunID  string `json:"run_id"`
	// Started and Ended are wall-clock instants, UTC; Ended is zero while the run lasts.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// TotalSeconds is the wall time of the whole run by the monotonic clock.
	TotalSeconds float64 `json:"total_s,omitzero"`
	Tool         Tool    `json:"tool"`
	Host         Host    `json:"host"`
	// GPUs is what a vendor's tool told of the GPUs before anything was started; empty when it told nothing.
	GPUs    []GPUState  `json:"gpus,omitempty"`
	Recipe  Recipe      `json:"recipe"`
	Model   Model       `json:"model"`
	Dataset DatasetInfo `json:"dataset"`
	Load    LoadInfo    `json:"load"`
	// Passes are the full pass and the summarization pass, in this order, as far as the run got.
	Passes []Pass `json:"passes"`
	// Interrupted names the signal that ended the run early; empty when none did.
	Interrupted string `json:"interrupted,omitempty"`
	// Failure is why the run ended early, nil when it did not.
	Failure *Failure `json:"failure,omitempty"`
	// LaunchDifferences are the differences between the argv and environment of the two launches, other than the port and
	// the served name; any makes the run invalid.
	LaunchDifferences []string `json:"launch_differences,omitempty"`
	// Timings is how the times of requests were to be learned.
	Timings Timings `json:"timings,omitzero"`
	// Findings is what was found before anything was started: of a run that was started, warnings, apart from a command that
	// was not found, which the launch has told as well.
	Findings []Finding `json:"findings,omitempty"`
	// Thresholds are what the verdict is decided by.
	Thresholds Thresholds `json:"thresholds"`
}

// Timings is how the times of requests were to be learned from the server. What they were taken from in the end, the summary
// says.
type Timings struct {
	// Wanted is the recipe's server.timings: auto, or a TTFTSource, below which another may still serve.
	Wanted string `json:"wanted"`
	// Source is the one that this server was expected to give, Why a sentence on how it was chosen.
	Source TTFTSource `json:"source"`
	Why    string     `json:"why"`
	// Refused says which better source the server would not start with, and what it said; nil when that did not happen.
	Refused *string `json:"refused"`
	// Added are the flags and NAME=value variables that the recipe does not have and both launches were given for it.
	Added []string `json:"added,omitempty"`
}

// Tool is this program.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Host is the machine the client and the server ran on.
type Host struct {
	Hostname    string `json:"hostname"`
	OS          string `json:"os"`
	Arch        string `json:"arch"`
	Kernel      string `json:"kernel,omitempty"`
	CPUModel    string `json:"cpu_model,omitempty"`
	CPUs        int    `json:"cpus"`
	MemoryBytes int64  `json:"memory_bytes,omitzero"`
}

// Recipe is where the recipe came from.
type Recipe struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	// Set are the --set overrides, as given.
	Set []string `json:"set,omitempty"`
}

// Model is what the model's own files say.
type Model struct {
	Name string `json:"name"`
	// Dir is the folder config.json was read from.
	Dir       string `json:"dir,omitempty"`
	VocabSize int    `json:"vocab_size,omitzero"`
	// MaxModelLen is the limit that prompts were checked against, in tokens.
	MaxModelLen int `json:"max_model_len,omitzero"`
}

// DatasetInfo is what was sent.
type DatasetInfo struct {
	Source     string `json:"source"`
	Format     string `json:"format"`
	SHA256     string `json:"sha256,omitempty"`
	RowsInFile int    `json:"rows_in_file"`
	Requests   int    `json:"requests"`
	// PromptTokens is the sum of the prompt lengths; Shortest and Longest are lengths in tokens.
	PromptTokens int `json:"prompt_tokens"`
	Shortest     int `json:"shortest"`
	Longest      int `json:"longest"`
	// PromptsSHA256 is over all token ids as sent, so that two runs can be shown to have sent the same prompts.
	PromptsSHA256 string `json:"prompts_sha256"`
}

// LoadInfo is how it was sent.
type LoadInfo struct {
	// RequestRate is requests per second, "inf", or "ramp" where it changed.
	RequestRate string `json:"request_rate"`
	// Ramp is how it changed; nil where it did not.
	Ramp *RampInfo `json:"ramp,omitempty"`
	// Burstiness is the shape of the gaps' gamma distribution, a number or "inf"; empty for 1, which is Poisson.
	Burstiness string `json:"burstiness,omitempty"`
	// DurationSeconds is how long requests were sent, in seconds; 0 for no limit.
	DurationSeconds float64 `json:"duration_s,omitempty"`

	Concurrency  int   `json:"concurrency"`
	MaxOutputLen int   `json:"max_output_len"`
	IgnoreEOS    bool  `json:"ignore_eos"`
	StopTokenIDs []int `json:"stop_token_ids,omitempty"`
	Seed         int64 `json:"seed"`
	// LastArrivalSeconds is the offset of the last scheduled request, in seconds.
	LastArrivalSeconds float64 `json:"last_arrival_s"`
}

// RampInfo is a rate that changed linearly within DurationSeconds and then stayed, in requests per second.
type RampInfo struct {
	From            float64 `json:"from"`
	To              float64 `json:"to"`
	DurationSeconds float64 `json:"duration_s"`
}

// Rate is the request rate for people; the unit stands behind its numbers.
func (l LoadInfo) Rate(unit string) string {
	if r := l.Ramp; r != nil {
		return fmt.Sprintf("%g to %g%s within %g s", r.From, r.To, unit, r.DurationSeconds)
	}
	return l.RequestRate + unit
}

// Shape is what else is known of the arrivals, for people; nothing where they are Poisson and not limited in time.
func (l LoadInfo) Shape() []string {
	var parts []string
	if l.Burstiness != "" {
		parts = append(parts, "burstiness "+l.Burstiness)
	}
	if l.DurationSeconds > 0 {
		parts = append(parts, fmt.Sprintf("sent for %g s", l.DurationSeconds))
	}
	return parts
}

// The names of the passes, which are also the names of their folders in the run directory.
const (
	PassFull          = "full"
	PassSummarization = "summarization"
)

// Pass is one server launch and the requests that were measured on it.
type Pass struct {
	Name      string     `json:"name"`
	MaxTokens int        `json:"max_tokens"`
	Launch    Launch     `json:"launch"`
	Server    ServerInfo `json:"server"`
	// Retries is how often the start was tried again after a failure that passes by itself.
	Retries int `json:"retries,omitzero"`
	// Requests is the number that was to be sent.
	Requests int `json:"requests"`
	// PromptsSHA256 is over the token ids of all prompts of this pass, in their order.
	PromptsSHA256 string `json:"prompts_sha256,omitempty"`
	// Census is what the prompts share with one another; nil when it was not taken.
	Census *Census `json:"census,omitempty"`
	Warmup Warmup  `json:"warmup"`
	Phases Phases  `json:"phases"`
	// Complete is true when the pass ran to its end and the server was stopped by us.
	Complete bool `json:"complete"`
	// Stop is how the server was stopped, nil if it was not started.
	Stop *Stop `json:"stop,omitempty"`
	// ServerExit is set when the server, or a part of it that it cannot do without, ended before it was stopped.
	ServerExit *ServerExit `json:"server_exit,omitempty"`
}

// Launch is how a server was started.
type Launch struct {
	Argv []string `json:"argv"`
	// Env is the whole environment, sorted, NAME=value; the values of secrets are "***".
	Env         []string `json:"env"`
	Port        int      `json:"port"`
	ServedModel string   `json:"served_model"`
	PID         int      `json:"pid,omitzero"`
}

// ServerInfo is what the server said of itself.
type ServerInfo struct {
	Version     string `json:"version,omitempty"`
	Root        string `json:"root,omitempty"`
	MaxModelLen int    `json:"max_model_len,omitzero"`
}

// Census is what the prompts of a pass share with one another in whole blocks of the server's prefix cache.
type Census struct {
	// BlockSize is that of the server, in tokens.
	BlockSize int `json:"block_size"`
	// MaxCachedTokens is how many prompt tokens an empty cache can at most serve in the pass.
	MaxCachedTokens int `json:"max_cached_tokens"`
	// DuplicateRows counts the prompts that are equal to one before them.
	DuplicateRows int `json:"duplicate_rows"`
}

// Warmup is what was sent before the measured requests.
type Warmup struct {
	// Probes are the completions that were tried to find out whether the server is ready.
	Probes int `json:"probes,omitzero"`
	// Requests are those of the warm-up proper, Failed among them; the tokens are of those that succeeded.
	Requests         int `json:"requests"`
	Failed           int `json:"failed,omitzero"`
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// Phases are the parts of a pass in seconds of wall time. A phase that was not reached is 0 and absent from the JSON.
type Phases struct {
	// Start is from launching the process until it answered a real completion.
	Start float64 `json:"start_s,omitzero"`
	// Warmup is the warm-up requests.
	Warmup float64 `json:"warmup_s,omitzero"`
	// Pass is the measured requests, from the start of the schedule until the last response was complete.
	Pass float64 `json:"pass_s,omitzero"`
	// Stop is from asking the server to end until nothing of it was left.
	Stop float64 `json:"stop_s,omitzero"`
}

// Stop is how a server was stopped; times in seconds of wall time.
type Stop struct {
	// Leader is from the request to end until the server's first process had ended, Tree from then until the last one was
	// gone, Port from then until the port was free.
	Leader float64 `json:"leader_s"`
	Tree   float64 `json:"tree_s"`
	Port   float64 `json:"port_s"`
	// GPUMemory is how long the memory of the GPUs then took to come back, GPUMemoryHeld names the GPUs of which it did not;
	// absent when nobody could tell.
	GPUMemory     float64  `json:"gpu_memory_s,omitzero"`
	GPUMemoryHeld []string `json:"gpu_memory_held,omitempty"`
	// Command is how long server.stop_command ran, CommandError what went wrong with it.
	Command      float64 `json:"command_s,omitzero"`
	CommandError string  `json:"command_error,omitempty"`
	// Escalated is true when the first process had to be killed; Killed are all processes that had to be, pid and command.
	Escalated bool     `json:"escalated,omitzero"`
	Killed    []string `json:"killed,omitempty"`
}

// ServerExit is the end of a server that nobody asked for.
type ServerExit struct {
	// Phase is what was being done: start, warm-up or pass.
	Phase string `json:"phase"`
	// Member names the process that ended when it was not the server's first one: "VLLM::EngineCore (pid 4711)".
	Member string `json:"member,omitempty"`
	// Status is the exit status, −1 when a signal ended it or it is not known; Signal the signal's name when one ended it.
	Status int    `json:"status"`
	Signal string `json:"signal,omitempty"`
}

// Failure is why a run ended before both passes were complete.
type Failure struct {
	// Step is the step that failed, such as "dataset" or "full: start".
	Step string `json:"step"`
	// Message is the error's text, Hint what to do about it.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// ExitCode is what the program exits with (see the README's table).
	ExitCode int `json:"exit_code"`
}
