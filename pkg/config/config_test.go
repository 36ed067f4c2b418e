package config

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustLoad(t *testing.T, source string, set ...string) *Config {
	t.Helper()
	c, err := load("recipe.yaml", "/r", []byte(source), testOptions(set...))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, source)
	}
	return c
}

func TestDefaultsHold(t *testing.T) {
	got := mustLoad(t, "server: {model: /m}\ndataset: {path: d.pkl}\n")
	want := Default()
	want.Name = "recipe"
	want.Server.Model = "/m"
	want.Dataset.Path = "/r/d.pkl"
	want.Dataset.Tokenizer = "/m"
	want.Output.Dir = "/r/results"
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestEveryKeyIsStored(t *testing.T) {
	got := mustLoad(t, `
name: n
server:
  command: [./run.sh, "${TOKEN}", $$]
  model: owner/model
  served_model_name: s
  args: {b_c: 0.90, a: true}
  env: {TOKEN: "${TOKEN}", N: 010}
  host: ::1
  port: 8000
  ready_timeout: 1h30m
  stop_timeout: 90s
  stop_command: [./stop.sh, "${TOKEN}"]
  timings: histogram
dataset: {path: ../d.pkl, tokenizer: ~/t, num_requests: 3}
load:
  max_input_len: 4
  max_output_len: 5
  request_rate: 6.5
  burstiness: 0.25
  duration: 15m
  concurrency: 7
  seed: -8
  ignore_eos: false
  stop_token_ids: [9, 10]
  receive_stamps: user
  chunk_usage: true
  stall_timeout: 14m
  warmup_requests: 11
output: {dir: /o/../p}
verdict: {max_failed: 12, max_schedule_lag: 13ms, max_schedule_lag_gap_share: 0.15, max_measured_gap_share: 1.6,
  max_client_cpu_share: 0.17, max_lag_icl_share: 0.18, max_coalesced_share: 0.2}
`)
	no, yes := false, true
	want := &Config{
		Name: "n",
		Server: Server{
			Command:         []string{"/r/run.sh", "hf_s3cr3t$x", "$"},
			CommandRaw:      []string{"/r/run.sh", "${TOKEN}", "$$"},
			Model:           "owner/model",
			ServedModelName: "s",
			Args:            []Arg{{Name: "b_c", Values: []string{"0.90"}}, {Name: "a"}},
			Env:             []EnvVar{{"TOKEN", "hf_s3cr3t$x", "${TOKEN}"}, {"N", "010", "010"}},
			Host:            "::1",
			Port:            8000,
			ReadyTimeout:    90 * time.Minute,
			StopTimeout:     90 * time.Second,
			StopCommand:     []string{"/r/stop.sh", "hf_s3cr3t$x"},
			StopCommandRaw:  []string{"/r/stop.sh", "${TOKEN}"},
			Timings:         "histogram",
		},
		Dataset: Dataset{Path: "/d.pkl", Tokenizer: "/home/me/t", NumRequests: 3},
		Load: Workload{MaxInputLen: 4, MaxOutputLen: 5, RequestRate: 6.5, Burstiness: 0.25, Duration: 15 * time.Minute, Concurrency: 7, Seed: -8, IgnoreEOS: &no,
			StopTokenIDs: []int{9, 10}, ReceiveStamps: "user", ChunkUsage: &yes, StallTimeout: 14 * time.Minute, WarmupRequests: 11},
		Output: Output{Dir: "/p"},
		Verdict: Verdict{MaxFailed: 12, MaxScheduleLag: 13 * time.Millisecond, MaxScheduleLagGapShare: 0.15, MaxClientCPUShare: 0.17,
			MaxLagICLShare: 0.18, MaxCoalescedShare: 0.2, MaxMeasuredGapShare: 1.6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestRampIsStored(t *testing.T) {
	c := mustLoad(t, "server: {model: /m}\ndataset: {path: /d}\nload: {ramp: {duration: 90s, to: 0.5, from: 1e3}, burstiness: .inf}\n")
	if diff := cmp.Diff(&Ramp{From: 1000, To: 0.5, Duration: 90 * time.Second}, c.Load.Ramp); diff != "" || !math.IsInf(c.Load.Burstiness, 1) {
		t.Errorf("burstiness %v, ramp (-want +got):\n%s", c.Load.Burstiness, diff)
	}
}

// TestAutomaticChoices: "auto" and an empty list are different things.
func TestAutomaticChoices(t *testing.T) {
	const base = "server: {model: /m}\ndataset: {path: /d}\n"
	c := mustLoad(t, base+"load: {ignore_eos: auto, stop_token_ids: auto, warmup_requests: auto, request_rate: inf}\n")
	if c.Load.IgnoreEOS != nil || c.Load.StopTokenIDs != nil || c.Load.WarmupRequests != -1 || !math.IsInf(c.Load.RequestRate, 1) {
		t.Errorf("auto: got %+v", c.Load)
	}
	c = mustLoad(t, base+"load: {ignore_eos: True, stop_token_ids: [], warmup_requests: 0, request_rate: .Inf}\n")
	if c.Load.IgnoreEOS == nil || !*c.Load.IgnoreEOS || c.Load.StopTokenIDs == nil || len(c.Load.StopTokenIDs) != 0 ||
		c.Load.WarmupRequests != 0 || !math.IsInf(c.Load.RequestRate, 1) {
		t.Errorf("chosen: got %+v", c.Load)
	}
}

func TestModelsAndPaths(t *testing.T) {
	base := t.TempDir()
	if err := os.MkdirAll(filepath.Join(base, "owner", "here"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(base, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"/abs/../m":       "/m",
		"./m":             base + "/m",
		"../m":            filepath.Dir(base) + "/m",
		".":               base,
		"~/m":             "/home/me/m",
		`"~"`:             "/home/me",
		"owner/here":      base + "/owner/here",
		"owner/elsewhere": "owner/elsewhere",
		"gpt2":            "gpt2",
		"owner":           base + "/owner",
		"file":            "file",
		"a/b/c":           base + "/a/b/c",
		`"${SET}/m"`:      "/opt/set/m",
		`"m$$x"`:          base + "/m$x",
		`"~/$$${SET}"`:    "/home/me/$/opt/set",
	} {
		c, err := load("r.yaml", base, []byte("server: {model: "+text+"}\ndataset: {path: /d}\n"), testOptions())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.Server.Model != want || c.Dataset.Tokenizer != want {
			t.Errorf("%s: got model %q, tokenizer %q, want %q", text, c.Server.Model, c.Dataset.Tokenizer, want)
		}
	}
}

func TestPrograms(t *testing.T) {
	for text, want := range map[string]string{
		"vllm":          "vllm",
		"bin/vllm":      "/r/bin/vllm",
		"./vllm":        "/r/vllm",
		"/usr/bin/vllm": "/usr/bin/vllm",
		"~/bin/vllm":    "/home/me/bin/vllm",
		`"${SET}"`:      "/opt/set",
		`"v$$"`:         "v$",
	} {
		c := mustLoad(t, "server: {model: /m, command: ["+text+"]}\ndataset: {path: /d}\n")
		if diff := cmp.Diff([]string{want}, c.Server.Command); diff != "" {
			t.Errorf("%s: command (-want +got):\n%s", text, diff)
		}
	}
}

func TestHomeMissing(t *testing.T) {
	_, err := load("r.yaml", "/r", []byte("server: {model: ~/m}\ndataset: {path: \"${A}\"}\n"), Options{})
	want := "r.yaml:1:17: server.model: ~ stands for nothing, as there is no home folder, got \"~/m\"; allowed the path in full\n" +
		"r.yaml:2:17: dataset.path: the variable is not set, got ${A}; allowed a variable of the environment"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestSecretsStayOut: no message shows the value of a variable or of the environment of the server.
func TestSecretsStayOut(t *testing.T) {
	_, err := load("r.yaml", "/r", []byte(`
server:
  model: "${TOKEN}"
  command: [x, "${TOKEN}$"]
  env: {A: "hunter2$", B: [hunter2], C: {hunter2: 1}, D: "hunter2\0", E: "${TOKEN}${NO}"}
dataset: {path: /d}
`), testOptions())
	if err == nil {
		t.Fatal("got no error")
	}
	for _, secret := range []string{"hunter2", "s3cr3t"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q in\n%v", secret, err)
		}
	}
}
