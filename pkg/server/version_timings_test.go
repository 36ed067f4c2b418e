package server

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// installed is the package vllm at a version, with all that tracing needs; "" for none that is known.
func installed(t testing.TB, text string) Installed {
	t.Helper()
	if text == "" {
		return Installed{}
	}
	return Installed{Package: "vllm", Version: version(t, text), VersionText: text}
}

func TestPlanTimingsByVersion(t *testing.T) {
	added := []Flag{{Name: "enable-per-request-metrics"}}
	for _, tt := range []struct {
		version string
		want    TimingPlan
		why     string
	}{
		{"0.33.0", TimingPlan{Source: TimingsResponse, Flags: added}, "vllm 0.33.0 sends the times of each request in its response"},
		{"0.32.0+cpu", TimingPlan{Source: TimingsResponse, Flags: added}, "vllm 0.32.0+cpu sends the times of each request in its response"},
		{"0.25.0", TimingPlan{Source: TimingsResponse, Flags: added}, "vllm 0.25.0 sends the times of each request in its response"},
		{"0.25.0rc1", TimingPlan{Source: TimingsTrace}, "vllm 0.25.0rc1 sends the times of each request in a trace; " +
			"not by response: it needs vLLM 0.25 or newer, installed is vllm 0.25.0rc1"},
		{"0.24.0", TimingPlan{Source: TimingsTrace}, "not by response: it needs vLLM 0.25 or newer, installed is vllm 0.24.0"},
		{"0.11.1.dev12+gabc", TimingPlan{Source: TimingsTrace}, "vllm 0.11.1.dev12+gabc sends the times of each request in a trace"},
		{"0.11.0", TimingPlan{Source: TimingsTrace}, "vllm 0.11.0 sends the times of each request in a trace"},
		{"0.11.0rc2", TimingPlan{Source: TimingsHistogram}, "not by trace: it needs vLLM 0.11 or newer, installed is vllm 0.11.0rc2"},
		{"0.10.2", TimingPlan{Source: TimingsHistogram}, "not by trace: it needs vLLM 0.11 or newer, installed is vllm 0.10.2"},
		{"0.10.1.1", TimingPlan{Source: TimingsHistogram}, "vLLM 0.8 to 0.10.1 falls back to its old V0 engine when it traces"},
		{"0.8.0", TimingPlan{Source: TimingsHistogram}, "vllm 0.8.0 tells the mean times of all requests in /metrics; not by response: it " +
			"needs vLLM 0.25 or newer, installed is vllm 0.8.0; not by trace: vLLM 0.8 to 0.10.1 falls back to its old V0 engine when " +
			"it traces, and another engine than without would be measured; installed is vllm 0.8.0"},
		{"0.7.3", TimingPlan{Source: TimingsHistogram, Tentative: true}, "depends on the engine of vllm 0.7.3; not by response: it needs vLLM " +
			"0.25 or newer, installed is vllm 0.7.3; not by trace: the traces of vLLM before 0.8 do not tell the time of prefill"},
		{"0.6.4", TimingPlan{Source: TimingsHistogram, Tentative: true}, ""},
		{"0.6.3.post1", TimingPlan{Source: TimingsClient}, "by the client's clock, which cannot tell the time a request spends queueing"},
		{"", TimingPlan{Source: TimingsHistogram, Tentative: true}, "the server's histograms are used if it has them, as the installed " +
			"version is not known; not by response: the installed version is not known, and vLLM before 0.25 refuses the flag; not by " +
			"trace: the installed version is not known, and some run another engine when they trace"},
	} {
		for _, want := range []Timings{"", TimingsAuto, tt.want.Source} {
			plan, err := PlanTimings(TimingInput{Want: want, Installed: installed(t, tt.version)})
			if err != nil {
				t.Errorf("%s, %q: %v", tt.version, want, err)
				continue
			}
			if want != tt.want.Source && !strings.Contains(plan.Why, tt.why) {
				t.Errorf("%s, %q: got %q, want it to say %q", tt.version, want, plan.Why, tt.why)
			}
			if plan.Why == "" || strings.HasPrefix(plan.Why, ";") {
				t.Errorf("%s, %q: got %q", tt.version, want, plan.Why)
			}
			plan.Why = ""
			if diff := cmp.Diff(plan, tt.want); diff != "" {
				t.Errorf("%s, %q (-got +want):\n%s", tt.version, want, diff)
			}
		}
	}
}

func TestPlanTimingsByRecipe(t *testing.T) {
	on := func(names ...string) (l Launch) {
		for _, n := range names {
			l.Flags = append(l.Flags, Flag{Name: n})
		}
		return l
	}
	off := Launch{Flags: []Flag{{Name: "enable_per_request_metrics", Off: true}}}
	serve := Launch{Command: []string{"vllm", "serve"}}
	module := Launch{Command: []string{"python", "-m", "vllm.entrypoints.openai.api_server"}}
	inCommand := func(words ...string) Launch { return Launch{Command: slices.Concat(module.Command, words)} }
	tests := []struct {
		name    string
		version string
		in      TimingInput
		want    Timings
		flags   int
		why     string
	}{
		{"the flag is there", "0.32.0", TimingInput{Launch: on("enable_per_request_metrics")}, TimingsResponse, 0, "as the recipe has it do"},
		{"the flag is there, of an unknown version", "", TimingInput{Launch: on("enable-per-request-metrics")}, TimingsResponse, 0, "as the recipe has it do"},
		{"the flag is in the command", "0.32.0", TimingInput{Launch: inCommand("--enable_per_request_metrics")}, TimingsResponse, 0, "as the recipe has it do"},
		{"the flag is false", "0.32.0", TimingInput{Launch: off}, TimingsTrace, 0, "not by response: the recipe switches enable-per-request-metrics off"},
		{"the flag is there with no-", "0.32.0", TimingInput{Launch: on("no-enable-per-request-metrics")}, TimingsTrace, 0, "the recipe switches enable-per-request-metrics off"},
		{"no- is false", "0.32.0", TimingInput{Launch: Launch{Flags: []Flag{{Name: "no-enable-per-request-metrics", Off: true}}}}, TimingsResponse, 1, ""},
		{"no statistics", "0.32.0", TimingInput{Launch: on("disable-log-stats")}, TimingsClient, 0, "not by histogram: the recipe sets disable-log-stats"},
		{"no statistics, of an unknown version", "", TimingInput{Launch: on("disable_log_stats")}, TimingsClient, 0, "not by response: the recipe sets disable-log-stats"},
		{"no statistics in the command", "0.24.0", TimingInput{Launch: inCommand("--disable-log-stats")}, TimingsClient, 0, ""},
		{"statistics, said with false", "0.32.0", TimingInput{Launch: Launch{Flags: []Flag{{Name: "disable-log-stats", Off: true}}}}, TimingsResponse, 1, ""},
		{"traces go elsewhere", "0.24.0", TimingInput{Launch: on("otlp-traces-endpoint")}, TimingsHistogram, 0, "not by trace: the recipe sends the traces to an endpoint of its own"},
		{"traces go elsewhere, in the command", "0.24.0", TimingInput{Launch: inCommand("--otlp-traces-endpoint=http://x")}, TimingsHistogram, 0, ""},
		{"no traces", "0.24.0", TimingInput{Launch: Launch{Flags: []Flag{{Name: "otlp-traces-endpoint", Off: true}}}}, TimingsHistogram, 0, "the recipe switches otlp-traces-endpoint off"},
		{"traces by gRPC", "0.24.0", TimingInput{Added: [][2]string{{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"}}}, TimingsHistogram, 0,
			`the recipe sets OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to "grpc", and it would have to be http/protobuf`},
		{"fewer traces", "0.24.0", TimingInput{Added: [][2]string{{"OTEL_TRACES_SAMPLER", "traceidratio"}}}, TimingsHistogram, 0, "parentbased_always_on or always_on"},
		{"traces switched off", "0.24.0", TimingInput{Added: [][2]string{{"OTEL_SDK_DISABLED", "True"}}}, TimingsHistogram, 0, `"True"`},
		{"what suits", "0.24.0", TimingInput{Added: [][2]string{{"OTEL_SDK_DISABLED", "False"}, {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"}, {"OTHER", "x"}}}, TimingsTrace, 0, ""},
		{"another program's environment", "0.24.0", TimingInput{Inherited: []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}}, TimingsTrace, 0, ""},
		{"the Rust front end", "0.32.0", TimingInput{Launch: serve, Inherited: []string{"VLLM_USE_RUST_FRONTEND=1"}}, TimingsTrace, 0, "the Rust front end (VLLM_USE_RUST_FRONTEND) does not send them"},
		{"the Rust front end, set back", "0.32.0", TimingInput{Launch: serve, Inherited: []string{"VLLM_USE_RUST_FRONTEND=1"}, Added: [][2]string{{"VLLM_USE_RUST_FRONTEND", "0"}}}, TimingsResponse, 1, ""},
		{"the module has no Rust front end", "0.32.0", TimingInput{Launch: module, Inherited: []string{"VLLM_USE_RUST_FRONTEND=1"}}, TimingsResponse, 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Installed = installed(t, tt.version)
			plan, err := PlanTimings(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if plan.Source != tt.want || len(plan.Flags) != tt.flags || !strings.Contains(plan.Why, tt.why) {
				t.Errorf("got %+v; want %s with %d flags, saying %q", plan, tt.want, tt.flags, tt.why)
			}
		})
	}
}

func TestPlanTimingsOfWhatIsInstalled(t *testing.T) {
	bare := installed(t, "0.16.0")
	bare.MissingTracing = []string{"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
	fork := installed(t, "0.6.3.dev1122+gaudi000")
	fork.Fork = true
	tests := []struct {
		name string
		in   TimingInput
		want TimingPlan
	}{
		{"packages are missing", TimingInput{Installed: bare}, TimingPlan{Source: TimingsHistogram,
			Why: "vllm 0.16.0 tells the mean times of all requests in /metrics; not by response: it needs vLLM 0.25 or newer, installed is " +
				"vllm 0.16.0; not by trace: not installed beside vLLM: opentelemetry-sdk, opentelemetry-exporter-otlp-proto-http " +
				"(pip install opentelemetry-sdk opentelemetry-exporter-otlp)"}},
		{"the fork", TimingInput{Installed: fork}, TimingPlan{Source: TimingsResponse, Tentative: true,
			Why: "vllm 0.6.3.dev1122+gaudi000 is the SqueezeBits fork, which sends them in responses unasked"}},
		{"responses of an unknown version", TimingInput{Want: TimingsResponse}, TimingPlan{Source: TimingsResponse, Tentative: true,
			Flags: []Flag{{Name: "enable-per-request-metrics"}},
			Why:   "the recipe asks for it; the installed version is not known, and the server may refuse the flag"}},
		{"the client's clock, asked for", TimingInput{Want: TimingsClient, Installed: installed(t, "0.32.0")}, TimingPlan{Source: TimingsClient,
			Why: "by the client's clock, which cannot tell the time a request spends queueing in the server"}},
	}
	for _, tt := range tests {
		got, err := PlanTimings(tt.in)
		if diff := cmp.Diff(got, tt.want); diff != "" || err != nil {
			t.Errorf("%s: %v (-got +want):\n%s", tt.name, err, diff)
		}
	}
}

func TestPlanTimingsRefuses(t *testing.T) {
	noStats := Launch{Flags: []Flag{{Name: "disable-log-stats"}}}
	for _, tt := range []struct {
		want    Timings
		version string
		launch  Launch
		says    string
	}{
		{TimingsResponse, "0.24.0", Launch{}, "server.timings: response cannot be had: it needs vLLM 0.25 or newer, installed is vllm 0.24.0; allowed: auto, for the best that can"},
		{TimingsResponse, "0.32.0", noStats, "server.timings: response cannot be had: the recipe sets disable-log-stats"},
		{TimingsTrace, "0.9.2", Launch{}, "falls back to its old V0 engine when it traces"},
		{TimingsTrace, "0.10.2", Launch{}, "it needs vLLM 0.11 or newer"},
		{TimingsTrace, "", Launch{}, "the installed version is not known"},
		{TimingsTrace, "0.24.0", noStats, "the recipe sets disable-log-stats"},
		{TimingsHistogram, "0.32.0", noStats, "the recipe sets disable-log-stats"},
		{TimingsHistogram, "0.6.3", Launch{}, "it needs vLLM 0.6.4 or newer"},
	} {
		got, err := PlanTimings(TimingInput{Want: tt.want, Installed: installed(t, tt.version), Launch: tt.launch})
		if e, ok := errors.AsType[*TimingsError](err); !ok || e.Want != tt.want || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s of %q: got %+v, %v; want it to say %q", tt.want, tt.version, got, err, tt.says)
		}
	}
	const says = `server.timings: "metrics"; allowed: auto, response, trace, histogram, client`
	if _, err := PlanTimings(TimingInput{Want: "metrics"}); err == nil || err.Error() != says {
		t.Errorf("got %v, want %q", err, says)
	}
}
