package server

import (
	"fmt"
	"slices"
	"strings"
)

// Timings is where the times of requests are to be taken from.
type Timings string

// The sources, the best first, and the choice among them.
const (
	// TimingsAuto is the best source that the server has.
	TimingsAuto Timings = "auto"
	// TimingsResponse is the metrics in the responses.
	TimingsResponse Timings = "response"
	// TimingsTrace is the OpenTelemetry spans of requests.
	TimingsTrace Timings = "trace"
	// TimingsHistogram is the growth of the histograms in /metrics: means only.
	TimingsHistogram Timings = "histogram"
	// TimingsClient is the client's clock, which cannot tell queueing apart.
	TimingsClient Timings = "client"
)

// TimingInput is what a TimingPlan depends on.
type TimingInput struct {
	// Want is what the recipe asks for; empty for TimingsAuto.
	Want Timings
	// Installed is the zero value when it is not known.
	Installed Installed
	// Launch is the command and the flags of the recipe; the rest does not matter.
	Launch Launch
	// Inherited is the environment (NAME=value) that the recipe adds Added to.
	Inherited []string
	Added     [][2]string
}

// TimingPlan is how the server is made to tell the times of requests.
type TimingPlan struct {
	// Source is what can be expected, never TimingsAuto. For TimingsTrace the server must be given, besides Flags, the endpoint
	// and the environment of a receiver; the recipe is known to set none of its own that stands against these.
	Source Timings
	// Flags are to be added to the recipe's; they are never such that the recipe sets, or switches off. Nil for none.
	Flags []Flag
	// Tentative is true where only the running server shows whether it has the source. If it has not, or refuses a flag,
	// TimingsHistogram serves if /metrics has it, else TimingsClient.
	Tentative bool
	// Why is a sentence: what the source is, and what stands against each better one.
	Why string
}

// TimingsError says that the source which the recipe asks for cannot be had.
type TimingsError struct {
	Want Timings
	// Reason says what stands against it.
	Reason string
}

func (e *TimingsError) Error() string {
	return fmt.Sprintf("server.timings: %s cannot be had: %s; allowed: auto, for the best that can", e.Want, e.Reason)
}

// timingSource is a source with its rule, which gives the plan for it or says what stands against it.
type timingSource struct {
	name Timings
	rule func(TimingInput) (plan TimingPlan, against string)
}

func timingSources() []timingSource {
	return []timingSource{
		{TimingsResponse, planResponse},
		{TimingsTrace, planTrace},
		{TimingsHistogram, planHistogram},
		{TimingsClient, planClient},
	}
}

// PlanTimings decides where the times of requests come from, and what to add to the server's command line for it. It never
// adds what would stop the server or have it run another engine, and leaves alone what the recipe sets. The error is a
// *TimingsError where the recipe asks for what cannot be.
func PlanTimings(in TimingInput) (TimingPlan, error) {
	if in.Want == "" {
		in.Want = TimingsAuto
	}
	var against []string
	for _, s := range timingSources() {
		if in.Want != TimingsAuto && in.Want != s.name {
			continue
		}
		plan, reason := s.rule(in)
		if reason == "" {
			plan.Source = s.name
			plan.Why = strings.Join(append([]string{plan.Why}, against...), "; ")
			return plan, nil
		}
		if in.Want == s.name {
			return TimingPlan{}, &TimingsError{Want: in.Want, Reason: reason}
		}
		against = append(against, fmt.Sprintf("not by %s: %s", s.name, reason))
	}
	return TimingPlan{}, fmt.Errorf("server.timings: %q; allowed: auto, response, trace, histogram, client", in.Want)
}

// Flags that the rules look at.
const (
	flagResponseMetrics = "enable-per-request-metrics"
	flagNoStats         = "disable-log-stats"
	flagTraces          = "otlp-traces-endpoint"
)

const noStats = "the recipe sets " + flagNoStats + ", and without its statistics the server measures no times"

func planResponse(in TimingInput) (TimingPlan, string) {
	v := in.Installed
	set, off := in.Launch.has(flagResponseMetrics)
	switch {
	case off:
		return TimingPlan{}, "the recipe switches " + flagResponseMetrics + " off"
	case in.noStats():
		return TimingPlan{}, noStats
	case in.rustFrontend():
		return TimingPlan{}, "the Rust front end (VLLM_USE_RUST_FRONTEND) does not send them"
	case set:
		return TimingPlan{Why: "the server sends the times of each request in its response, as the recipe has it do"}, ""
	case v.Fork:
		return TimingPlan{Tentative: true, Why: fmt.Sprintf("%s is the SqueezeBits fork, which sends them in responses unasked", v)}, ""
	case v.Version.IsZero() && in.Want == TimingsResponse:
		return TimingPlan{Flags: responseFlags(), Tentative: true,
			Why: "the recipe asks for it; the installed version is not known, and the server may refuse the flag"}, ""
	case v.Version.IsZero():
		return TimingPlan{}, "the installed version is not known, and vLLM before 0.25 refuses the flag"
	case !v.Version.AtLeast(0, 25, 0):
		return TimingPlan{}, fmt.Sprintf("it needs vLLM 0.25 or newer, installed is %s", v)
	}
	return TimingPlan{Flags: responseFlags(), Why: fmt.Sprintf("%s sends the times of each request in its response", v)}, ""
}

func responseFlags() []Flag { return []Flag{{Name: flagResponseMetrics}} }

func planTrace(in TimingInput) (TimingPlan, string) {
	set, off := in.Launch.has(flagTraces)
	switch {
	case off:
		return TimingPlan{}, "the recipe switches " + flagTraces + " off"
	case set:
		return TimingPlan{}, "the recipe sends the traces to an endpoint of its own (" + flagTraces + ")"
	case in.noStats():
		return TimingPlan{}, noStats
	}
	if reason := in.traceVersion(); reason != "" {
		return TimingPlan{}, reason
	}
	if missing := in.Installed.MissingTracing; len(missing) > 0 {
		return TimingPlan{}, fmt.Sprintf("not installed beside vLLM: %s (pip install opentelemetry-sdk opentelemetry-exporter-otlp)",
			strings.Join(missing, ", "))
	}
	for _, pair := range in.Added {
		if allowed := traceVariables[pair[0]]; allowed != nil && !slices.Contains(allowed, strings.ToLower(pair[1])) {
			return TimingPlan{}, fmt.Sprintf("the recipe sets %s to %.40q, and it would have to be %s", pair[0], pair[1],
				strings.Join(allowed, " or "))
		}
	}
	return TimingPlan{Why: fmt.Sprintf("%s sends the times of each request in a trace", in.Installed)}, ""
}

// traceVersion says why the installed version cannot trace; empty if it can.
func (in TimingInput) traceVersion() string {
	v := in.Installed
	switch {
	case v.Version.AtLeast(0, 11, 0):
		return ""
	case v.Version.IsZero():
		return "the installed version is not known, and some run another engine when they trace"
	case v.Version.AtLeast(0, 10, 2):
		return fmt.Sprintf("it needs vLLM 0.11 or newer, installed is %s", v)
	case v.Version.AtLeast(0, 8, 0):
		return fmt.Sprintf("vLLM 0.8 to 0.10.1 falls back to its old V0 engine when it traces, and another engine than without "+
			"would be measured; installed is %s", v)
	}
	return fmt.Sprintf("the traces of vLLM before 0.8 do not tell the time of prefill, installed is %s", v)
}

// traceVariables are what the exporter's variables must be for our receiver, in lower case, where the recipe sets them.
var traceVariables = map[string][]string{
	"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL":    {"http/protobuf"},
	"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": {"none", "gzip", ""},
	"OTEL_TRACES_SAMPLER":                   {"parentbased_always_on", "always_on"},
	"OTEL_SDK_DISABLED":                     {"false", ""},
}

func planHistogram(in TimingInput) (TimingPlan, string) {
	v := in.Installed
	switch {
	case in.noStats():
		return TimingPlan{}, noStats
	case v.Version.IsZero():
		return TimingPlan{Tentative: true, Why: "the server's histograms are used if it has them, as the installed version is not known"}, ""
	case v.Version.AtLeast(0, 8, 0):
		return TimingPlan{Why: fmt.Sprintf("%s tells the mean times of all requests in /metrics", v)}, ""
	case v.Version.AtLeast(0, 6, 4):
		return TimingPlan{Tentative: true, Why: fmt.Sprintf("the server's histograms are used if it has them, which depends on the "+
			"engine of %s", v)}, ""
	}
	return TimingPlan{}, fmt.Sprintf("it needs vLLM 0.6.4 or newer, installed is %s", v)
}

func planClient(TimingInput) (TimingPlan, string) {
	return TimingPlan{Why: "by the client's clock, which cannot tell the time a request spends queueing in the server"}, ""
}

func (in TimingInput) noStats() bool {
	set, _ := in.Launch.has(flagNoStats)
	return set
}

// rustFrontend tells whether the launch uses the front end in Rust, which only vllm serve can.
func (in TimingInput) rustFrontend() bool {
	value := strings.ToLower(lookup(Environ(in.Inherited, in.Added), "VLLM_USE_RUST_FRONTEND"))
	return isVLLMServe(in.Launch.Command) && (value == "1" || value == "true")
}

// has tells whether the command or the flags set a flag, or switch it off.
func (l Launch) has(name string) (set, off bool) {
	mark := func(flag string, isOff bool) {
		switch flag {
		case name:
			set, off = set || !isOff, off || isOff
		case "no-" + name:
			off = off || !isOff
		}
	}
	for flag, on := range l.named {
		mark(dashed(flag), !on)
	}
	return set, off
}

// named gives the flags that the command and the recipe name, without the dashes in front, and whether they are passed on.
func (l Launch) named(yield func(flag string, on bool) bool) {
	for _, word := range l.Command {
		if flag, ok := strings.CutPrefix(word, "--"); ok {
			flag, _, _ = strings.Cut(flag, "=")
			if !yield(flag, true) {
				return
			}
		}
	}
	for _, f := range l.Flags {
		if !yield(f.Name, !f.Off) {
			return
		}
	}
}
