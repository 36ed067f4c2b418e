package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// again loads what YAML wrote, from another folder and under another name.
func again(t *testing.T, c *Config) *Config {
	t.Helper()
	out, err := load("stored.yaml", t.TempDir(), c.YAML(), testOptions())
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, c.YAML())
	}
	return out
}

func TestYAMLIsTheSameRecipe(t *testing.T) {
	for _, name := range stems(t, "testdata/ok/*.yaml") {
		t.Run(name, func(t *testing.T) {
			want, err := Load(filepath.Join("testdata/ok", name+".yaml"), testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, again(t, want)); diff != "" {
				t.Errorf("loaded again (-want +got):\n%s", diff)
			}
		})
	}
}

func TestYAML(t *testing.T) {
	c := mustLoad(t, `
name: "2026"
server:
  command: [sub/run, "${TOKEN}", -m, "1", "no", "it's"]
  model: "./a$$b"
  args: {a: true, b: false, c: 0.90, d: {e: [1, x]}, f: [1, two words], g: "no", h: "true", i: ""}
  env: {TOKEN: "${TOKEN}", N: 8, Q: "a: \"b\" #\n"}
load: {max_input_len: 5, request_rate: 0.25, ignore_eos: true, stop_token_ids: [1, 2], seed: -1}
`)
	want := `name: "2026"
server:
  command: [/r/sub/run, "${TOKEN}", -m, "1", "no", "it's"]
  model: "/r/a$$b"
  served_model_name: ""
  args:
    a: true
    b: false
    c: 0.90
    d: "{\"e\":[1,\"x\"]}"
    f: [1, "two words"]
    g: "no"
    h: "true"
    i: ""
  env:
    TOKEN: "${TOKEN}"
    N: 8
    Q: "a: \"b\" #\n"
  host: 127.0.0.1
  port: auto
  ready_timeout: 30m
  stop_timeout: 1m
  stop_command: []
  timings: auto
dataset:
  path: ""
  tokenizer: "/r/a$$b"
  num_requests: 1024
load:
  max_input_len: 5
  max_output_len: 1024
  request_rate: 0.25
  ramp: {}
  burstiness: 1
  duration: 0
  concurrency: 0
  seed: -1
  ignore_eos: true
  stop_token_ids: [1, 2]
  receive_stamps: auto
  chunk_usage: auto
  stall_timeout: 10m
  warmup_requests: auto
output:
  dir: /r/results
verdict:
  max_failed: 0
  max_schedule_lag: 50ms
  max_schedule_lag_gap_share: 0.01
  max_client_cpu_share: 0.9
  max_lag_icl_share: 0.05
  max_coalesced_share: 0.01
  max_measured_gap_share: 0.2
`
	if diff := cmp.Diff(want, string(c.YAML())); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c, again(t, c)); diff != "" {
		t.Errorf("loaded again (-want +got):\n%s", diff)
	}
	if strings.Contains(string(c.YAML()), "s3cr3t") {
		t.Errorf("a secret in\n%s", c.YAML())
	}
}

func TestYAMLOfACommandWithoutRawText(t *testing.T) {
	c := mustLoad(t, "server: {model: /m}\ndataset: {path: /d}\n")
	c.Server.Command, c.Server.CommandRaw = []string{"/bin/a", "$x"}, nil
	if got := again(t, c).Server.Command; !cmp.Equal(got, c.Server.Command) {
		t.Errorf("got %q, want %q", got, c.Server.Command)
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Minute:               "30m",
		10 * time.Hour:                 "10h",
		90 * time.Minute:               "1h30m",
		90 * time.Second:               "1m30s",
		20 * time.Second:               "20s",
		1500 * time.Millisecond:        "1.5s",
		100*time.Hour + 10*time.Second: "100h0m10s",
	} {
		got := durationText(d)
		if got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
		if back, err := time.ParseDuration(got); err != nil || back != d {
			t.Errorf("%s: got back %v, %v", got, back, err)
		}
	}
}
