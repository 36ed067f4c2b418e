package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squeezebits/sqzb-orchestrate/internal/simulator"
)

// described are the numbers of a distribution; absent ones are nil.
type described struct {
	N                                          int
	Mean, Std, Min, Median, P90, P95, P99, Max *float64
}

// cmdKnown is `known DIR [means]`: the distributions of the times that the server of a run told of are, within 1 µs, those of what
// the simulator wrote into DIR about the same requests. With means they have no other numbers than n and mean.
//
// Nothing of this program's own arithmetic is used: the statistics are computed anew from the simulator's instants.
func cmdKnown(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: known DIR [means]")
	}
	text := []byte(ts.ReadFile(filepath.Join(ts.Getenv("RUN"), "summary.json")))
	var id struct {
		RunID string `json:"run_id"`
	}
	ts.Check(json.Unmarshal(text, &id))
	var full struct {
		times
		Decode   described `json:"decode_ms"`
		TPOT     described `json:"tpot_ms"`
		TPOTSqzb described `json:"tpot_sqzb_ms"`
	}
	var summarization struct {
		Of times `json:"summarization"`
	}
	ts.Check(json.Unmarshal(text, &full))
	ts.Check(json.Unmarshal(text, &summarization))
	means := slices.Contains(args, "means")
	k := comparison{means: means}
	truth := readKnown(ts, args[0], id.RunID, "full")
	k.compare("queue_ms", full.Queue, truth.queue)
	k.compare("ttft_ms", full.TTFT, truth.prefill)
	k.compare("decode_ms", full.Decode, truth.decode)
	k.compare("tpot_ms", full.TPOT, truth.tpot)
	k.compare("tpot_sqzb_ms", full.TPOTSqzb, truth.tpotSqzb)
	truth = readKnown(ts, args[0], id.RunID, "summarization")
	k.compare("summarization.queue_ms", summarization.Of.Queue, truth.queue)
	k.compare("summarization.ttft_ms", summarization.Of.TTFT, truth.prefill)
	ts.Logf("largest difference: %.3g ms in %d numbers", k.largest, k.numbers)
	if len(k.wrong) > 0 {
		ts.Fatalf("%s", strings.Join(k.wrong, "\n"))
	}
}

type times struct {
	Queue described `json:"queue_ms"`
	TTFT  described `json:"ttft_ms"`
}

// knownTimes are the true times of the measured requests of a pass, in milliseconds.
type knownTimes struct{ queue, prefill, decode, tpot, tpotSqzb []float64 }

func readKnown(ts *testscript.TestScript, dir, runID, pass string) knownTimes {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(dir), "*"+runID+"-"+pass+".jsonl"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("truth files of the %s pass: got %v, want one", pass, files)
	}
	f, err := os.Open(files[0])
	ts.Check(err)
	defer f.Close()
	truth, err := simulator.ReadTruth(f)
	ts.Check(err)
	var k knownTimes
	for _, r := range truth.Requests {
		number, ours := strings.CutPrefix(r.RequestID, runID+"-"+pass+"-")
		if _, err := strconv.Atoi(number); err != nil || !ours {
			continue // of warm-up or readiness
		}
		decode := float64(r.LastTokenNS-r.FirstTokenNS) / 1e6
		k.queue = append(k.queue, float64(r.ScheduledNS-r.QueuedNS)/1e6)
		k.prefill = append(k.prefill, float64(r.FirstTokenNS-r.ScheduledNS)/1e6)
		k.decode = append(k.decode, decode)
		k.tpotSqzb = append(k.tpotSqzb, decode/float64(r.CompletionTokens))
		if r.CompletionTokens > 1 {
			k.tpot = append(k.tpot, decode/float64(r.CompletionTokens-1))
		}
	}
	return k
}

// comparison collects what is not as it is known to be.
type comparison struct {
	means   bool
	largest float64
	numbers int
	wrong   []string
}

func (k *comparison) compare(name string, got described, values []float64) {
	if got.N != len(values) || len(values) == 0 {
		k.wrong = append(k.wrong, fmt.Sprintf("%s.n: got %d, truth %d", name, got.N, len(values)))
		return
	}
	sort.Float64s(values)
	mean, std := meanAndStd(values)
	k.number(name+".mean", got.Mean, mean)
	for _, n := range []struct {
		name string
		got  *float64
		want float64
	}{
		{"std", got.Std, std}, {"min", got.Min, values[0]}, {"median", got.Median, percentile(values, 50)},
		{"p90", got.P90, percentile(values, 90)}, {"p95", got.P95, percentile(values, 95)},
		{"p99", got.P99, percentile(values, 99)}, {"max", got.Max, values[len(values)-1]},
	} {
		if k.means && n.got != nil {
			k.wrong = append(k.wrong, fmt.Sprintf("%s.%s: got %v, want none", name, n.name, *n.got))
		}
		if !k.means {
			k.number(name+"."+n.name, n.got, n.want)
		}
	}
}

// number allows 1 µs.
func (k *comparison) number(name string, got *float64, want float64) {
	if got == nil {
		k.wrong = append(k.wrong, fmt.Sprintf("%s: got none, truth %v", name, want))
		return
	}
	k.numbers++
	k.largest = max(k.largest, math.Abs(*got-want))
	if math.Abs(*got-want) > 1e-3 {
		k.wrong = append(k.wrong, fmt.Sprintf("%s: got %v ms, truth %v ms", name, *got, want))
	}
}

// meanAndStd follows Welford, n − 1.
func meanAndStd(values []float64) (mean, std float64) {
	var m2 float64
	for i, v := range values {
		delta := v - mean
		mean += delta / float64(i+1)
		m2 += delta * (v - mean)
	}
	return mean, math.Sqrt(m2 / float64(len(values)-1))
}

// percentile interpolates linearly between closest ranks, which it finds in whole numbers.
func percentile(sorted []float64, p int) float64 {
	rank := p * (len(sorted) - 1)
	i, rest := rank/100, float64(rank%100)/100
	if i == len(sorted)-1 {
		return sorted[i]
	}
	return (1-rest)*sorted[i] + rest*sorted[i+1]
}
