package orchestrate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// ReadRun reads all that a run directory holds: what report.ReadRun reads, and the server's own counters.
func ReadRun(dir string) (report.Run, error) {
	run, err := report.ReadRun(dir)
	if err != nil {
		return report.Run{}, err
	}
	for _, pass := range run.Manifest.Passes {
		c, err := readCounters(filepath.Join(dir, pass.Name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return report.Run{}, err
		}
		run.Counters[pass.Name] = c
	}
	return run, nil
}

// readCounters reads what the metrics files in the folder of a pass tell of it.
func readCounters(dir string) (report.Counters, error) {
	before, err := readMetrics(filepath.Join(dir, report.MetricsBeforeFile))
	if err != nil {
		return report.Counters{}, err
	}
	after, err := readMetrics(filepath.Join(dir, report.MetricsAfterFile))
	if err != nil {
		return report.Counters{}, err
	}
	during, err := readSamples(filepath.Join(dir, report.MetricsDuringFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return report.Counters{}, err
	}
	c := countersOf(before, after)
	c.Running, c.Waiting = summed(during, func(s sample) float64 { return s.Running }),
		summed(during, func(s sample) float64 { return s.Waiting })
	return c, nil
}

func readMetrics(path string) (telemetry.Metrics, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return telemetry.Metrics{}, fmt.Errorf("reading the server's metrics: %w", err)
	}
	m, err := telemetry.ParseMetrics(text)
	if err != nil {
		return telemetry.Metrics{}, fmt.Errorf("reading the server's metrics: %s: %w", path, err)
	}
	return m, nil
}

// countersOf is by how much the server's counters grew.
func countersOf(before, after telemetry.Metrics) report.Counters {
	count := func(name string) *int {
		grown, ok := telemetry.Delta(before, after, name)
		return whole(grown, ok)
	}
	seconds := func(name string) *report.TimeSum {
		sum, ok := telemetry.Delta(before, after, name+"_sum")
		n := count(name + "_count")
		if !ok || n == nil {
			return nil
		}
		return &report.TimeSum{Seconds: sum, Count: *n}
	}
	c := report.Counters{
		PromptTokens: count("vllm:prompt_tokens"), GenerationTokens: count("vllm:generation_tokens"),
		PrefixQueries: count("vllm:prefix_cache_queries"),
		PrefixHits:    plus(count("vllm:prefix_cache_hits"), count("vllm:external_prefix_cache_hits")),
		Preemptions:   count("vllm:num_preemptions"), Iterations: count("vllm:iteration_tokens_total_count"),
		Queue: seconds("vllm:request_queue_time_seconds"), Prefill: seconds("vllm:request_prefill_time_seconds"),
		Decode:             seconds("vllm:request_decode_time_seconds"),
		TimePerOutputToken: seconds("vllm:request_time_per_output_token_seconds"),
		FinishedBefore:     whole(before.Sum(finishedMetric)), Cache: cacheConfig(after),
	}
	if reasons, ok := telemetry.DeltaBy(before, after, finishedMetric, "finished_reason"); ok {
		c.Finished = map[string]int{}
		for reason, grown := range reasons {
			if n := whole(grown, true); n != nil && *n > 0 {
				c.Finished[reason] = *n
			}
		}
	}
	return c
}

// plus adds what is counted apart to n: prompt tokens out of an external KV cache were not computed either. It is nil when n is.
func plus(n, apart *int) *int {
	if n == nil || apart == nil {
		return n
	}
	sum := *n + *apart
	return &sum
}

// whole is a counter as a number of things; nil for what cannot be one.
func whole(v float64, ok bool) *int {
	if !ok || v < 0 || v > math.MaxInt64/2 {
		return nil
	}
	n := int(math.Round(v))
	return &n
}

// cacheConfig is what the server tells of its KV cache.
func cacheConfig(m telemetry.Metrics) report.CacheConfig {
	labels, ok := m.Labels("vllm:cache_config_info")
	if !ok {
		return report.CacheConfig{}
	}
	number := func(label string) int {
		n, _ := strconv.Atoi(labels[label]) // "None", and a label that is missing, are not known: 0
		return max(n, 0)
	}
	c := report.CacheConfig{BlockSize: number("block_size"), Blocks: number("num_gpu_blocks"),
		Tokens: number("kv_cache_size_tokens")}
	if on, err := strconv.ParseBool(labels["enable_prefix_caching"]); err == nil {
		c.PrefixCaching = &on
	}
	return c
}
