package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// costRecipe is a load of 256 requests at once on the simulator, which paces its steps by the clock: what the proof costs
// shows where it delays a token.
const costRecipe = `
server:
  command: [simulator]
  model: %q
  args: {max-model-len: 2048, max-num-seqs: 256, sim-startup: 20ms, sim-step: 10ms, sim-prefill-per-token: 5us, sim-decode-per-seq: 20us}
dataset: {num_requests: 512}
load: {max_input_len: 64, max_output_len: 256, concurrency: 256}
output: {dir: out}
verdict: {max_schedule_lag: 10s, max_client_cpu_share: 2, max_lag_icl_share: 1e9, max_coalesced_share: 1}
`

// withoutProof switches off all that a run proves by: the server keeps no counters and sends no times, so that /metrics is
// all but empty, before, during and after the pass, nothing is parsed, and no census is taken. That the server then counts
// nothing at all is held against the proof as well, although vLLM counts by default.
var withoutProof = []string{"--set", "server.timings=client", "--set", "server.args.disable-log-stats=true"}

// costPairs is how many runs with the proof and without are compared.
const costPairs = 5

// BenchmarkProofCost runs the whole program with proof and without, in turns, and gives the medians of the makespan of the full
// pass in seconds, and by how many percent the first is above the second. The CPU seconds are of all processes of a run.
func BenchmarkProofCost(b *testing.B) {
	model, err := filepath.Abs("../../configs/tiny-llama")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cost.yaml"), fmt.Appendf(nil, costRecipe, model), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var with, without, cpuWith, cpuWithout []float64
		for pair := range costPairs {
			// Each goes first in turn, so that what builds up over time is on both sides.
			for _, proven := range []bool{pair%2 == 0, pair%2 != 0} {
				if proven {
					makespan, cpu := costOf(b, dir)
					with, cpuWith = append(with, makespan), append(cpuWith, cpu)
					continue
				}
				makespan, cpu := costOf(b, dir, withoutProof...)
				without, cpuWithout = append(without, makespan), append(cpuWithout, cpu)
			}
		}
		b.Logf("full pass with proof %.4f s, without %.4f s", with, without)
		b.ReportMetric(medianOf(with), "s/with")
		b.ReportMetric(medianOf(without), "s/without")
		b.ReportMetric(100*(medianOf(with)/medianOf(without)-1), "%/more")
		b.ReportMetric(medianOf(cpuWith), "cpu-s/with")
		b.ReportMetric(medianOf(cpuWithout), "cpu-s/without")
	}
	b.ReportMetric(0, "ns/op") // of no interest: the time of ten runs
}

// costOf runs the recipe once and returns the makespan of its full pass and the CPU time of all its processes, in seconds.
func costOf(b *testing.B, dir string, set ...string) (makespan, cpu float64) {
	b.Helper()
	cmd := exec.Command("sqzb-orchestrate", append([]string{"-c", "cost.yaml"}, set...)...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out", "cost", "latest", "summary.json"))
	if err != nil {
		b.Fatal(err)
	}
	var summary struct {
		EndToEnd float64 `json:"end_to_end_latency_s"`
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		b.Fatal(err)
	}
	state := cmd.ProcessState
	return summary.EndToEnd, (state.UserTime() + state.SystemTime()).Seconds()
}

// medianOf is that of an odd number of values.
func medianOf(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
