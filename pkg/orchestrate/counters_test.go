package orchestrate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// metricsText is what a server shows of these series, each "name value" or "name{labels} value" without vllm:.
func metricsText(t *testing.T, series ...string) telemetry.Metrics {
	t.Helper()
	var text strings.Builder
	for _, s := range series {
		name, _, _ := strings.Cut(s, " ")
		name, _, _ = strings.Cut(name, "{")
		if strings.HasSuffix(name, "_total") {
			fmt.Fprintf(&text, "# TYPE vllm:%s counter\n", name)
		}
		fmt.Fprintf(&text, "vllm:%s\n", s)
	}
	m, err := telemetry.ParseMetrics([]byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func numbers(c report.Counters) map[string]any {
	got := map[string]any{}
	for name, n := range map[string]*int{"queries": c.PrefixQueries, "hits": c.PrefixHits, "prompt": c.PromptTokens,
		"preemptions": c.Preemptions} {
		if n != nil {
			got[name] = *n
		}
	}
	return got
}

func TestCountersOf(t *testing.T) {
	const local, external = "prefix_cache_hits_total ", "external_prefix_cache_hits_total "
	tests := []struct {
		name          string
		before, after []string
		want          map[string]any
	}{
		{"nothing told", nil, nil, map[string]any{}},
		{"growth", []string{"prompt_tokens_total 100", "num_preemptions_total 1"}, []string{"prompt_tokens_total 340", "num_preemptions_total 1"},
			map[string]any{"prompt": 240, "preemptions": 0}},
		{"a server that shrank is another one", []string{"prompt_tokens_total 100"}, []string{"prompt_tokens_total 40"}, map[string]any{}},
		{"hits of a server without an external cache", []string{local + "16"}, []string{local + "48"}, map[string]any{"hits": 32}},
		{"hits in both caches", []string{local + "16", external + "7"}, []string{local + "48", external + "107"}, map[string]any{"hits": 132}},
		{"hits in the external one only", []string{local + "0", external + "0"}, []string{local + "0", external + "64"}, map[string]any{"hits": 64}},
		{"an external cache alone says nothing of the other", []string{external + "0"}, []string{external + "64"}, map[string]any{}},
		{"the old name", []string{"gpu_prefix_cache_hits_total 0"}, []string{"gpu_prefix_cache_hits_total 5"}, map[string]any{"hits": 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := numbers(countersOf(metricsText(t, tt.before...), metricsText(t, tt.after...)))
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}
