package telemetry

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) Metrics {
	t.Helper()
	m, err := ParseMetrics([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The samples of vLLM 0.32.0 lie around 32 requests of 64 prompt tokens and 32 output tokens, which queued.
func TestCapturedBurst(t *testing.T) {
	before, after := parse(t, string(sample(t, "vllm-0.32.0-before.prom"))), parse(t, string(sample(t, "vllm-0.32.0-after.prom")))
	for _, tt := range []struct {
		name   string
		labels []Label
		want   float64
	}{
		{"vllm:prompt_tokens_total", nil, 32 * 64},
		{"vllm:generation_tokens_total", nil, 32 * 32},
		{"generation_tokens", nil, 32 * 32},
		{"vllm:request_success_total", nil, 32},
		{"vllm:request_success", []Label{{"finished_reason", "length"}}, 32},
		{"vllm:request_success", []Label{{"finished_reason", "length"}, {"engine", "0"}}, 32},
		{"vllm:request_success", []Label{{"finished_reason", "abort"}}, 0},
		{"vllm:request_prefill_time_seconds_count", nil, 32},
		{"vllm:iteration_tokens_total_count", nil, 509 - 252},
		{"vllm:prefix_cache_queries", nil, 32 * 64},
		{"vllm:gpu_prefix_cache_hits_total", nil, 0},
		{"vllm:num_requests_running", nil, 0},
	} {
		got, ok := Delta(before, after, tt.name, tt.labels...)
		if !ok || got != tt.want {
			t.Errorf("%s %v: got %v, %v; want %v", tt.name, tt.labels, got, ok, tt.want)
		}
	}
	if got, ok := Delta(before, after, "vllm:request_prefill_time_seconds_sum"); !ok || math.Abs(got-0.355620717000420) > 1e-12 {
		t.Errorf("prefill time: got %v, %v", got, ok)
	}
	if got, ok := Delta(after, before, "vllm:generation_tokens_total"); ok {
		t.Errorf("a counter that shrank: got %v", got)
	}
}

const small = `# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 1000
vllm:prompt_tokens_total{engine="1",model_name="m"} 234.0
# TYPE vllm:gpu_cache_usage_perc gauge
vllm:gpu_cache_usage_perc{model_name="m"} 0.25
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting 7
# TYPE vllm:bad gauge
vllm:bad NaN
# TYPE vllm:request_queue_time_seconds histogram
vllm:request_queue_time_seconds_bucket{engine="0",le="0.3"} 2
vllm:request_queue_time_seconds_bucket{engine="0",le="+Inf"} 3
vllm:request_queue_time_seconds_sum{engine="0"} 1.5
vllm:request_queue_time_seconds_count{engine="0"} 3
vllm:request_queue_time_seconds_bucket{engine="1",le="0.3"} 1
vllm:request_queue_time_seconds_bucket{engine="1",le="+Inf"} 1
vllm:request_queue_time_seconds_sum{engine="1"} 0.25
vllm:request_queue_time_seconds_count{engine="1"} 1
# TYPE http_request_size_bytes summary
http_request_size_bytes_sum 100
http_request_size_bytes_count 4
something_of_nobody 5
`

func TestSum(t *testing.T) {
	m := parse(t, small)
	for _, tt := range []struct {
		name   string
		labels []Label
		want   float64
		ok     bool
	}{
		{"vllm:prompt_tokens_total", nil, 1234, true},
		{"vllm:prompt_tokens", nil, 1234, true},
		{"prompt_tokens", nil, 1234, true},
		{"prompt_tokens_total", []Label{{"engine", "1"}}, 234, true},
		{"vllm:prompt_tokens_total", []Label{{"engine", "2"}}, 0, false},
		{"vllm:prompt_tokens_total", []Label{{"rank", ""}}, 0, false},
		{"vllm:kv_cache_usage_perc", nil, 0.25, true},
		{"vllm:gpu_cache_usage_perc", nil, 0.25, true},
		{"vllm:num_requests_waiting", nil, 7, true},
		{"vllm:request_queue_time_seconds_sum", nil, 1.75, true},
		{"vllm:request_queue_time_seconds_count", nil, 4, true},
		{"vllm:request_queue_time_seconds_count", []Label{{"engine", "0"}}, 3, true},
		{"vllm:request_queue_time_seconds", nil, 0, false},
		{"http_request_size_bytes_count", nil, 4, true},
		{"something_of_nobody", nil, 5, true},
		{"vllm:bad", nil, 0, false},
		{"vllm:no_such", nil, 0, false},
		{"", nil, 0, false},
	} {
		got, ok := m.Sum(tt.name, tt.labels...)
		if ok != tt.ok || (ok && got != tt.want) {
			t.Errorf("%s %v: got %v, %v; want %v, %v", tt.name, tt.labels, got, ok, tt.want, tt.ok)
		}
	}
	if got, ok := (Metrics{}).Sum("vllm:prompt_tokens_total"); ok {
		t.Errorf("zero value: got %v", got)
	}
}

func TestDelta(t *testing.T) {
	counter := func(lines ...string) Metrics {
		return parse(t, "# TYPE a_total counter\n"+strings.Join(lines, "\n")+"\n")
	}
	gauge := func(lines ...string) Metrics {
		return parse(t, "# TYPE a_total gauge\n"+strings.Join(lines, "\n")+"\n")
	}
	x := []Label{{"k", "x"}}
	for _, tt := range []struct {
		name          string
		before, after Metrics
		labels        []Label
		want          float64
		ok            bool
	}{
		{"growth", counter(`a_total 3`), counter(`a_total 10.5`), nil, 7.5, true},
		{"no growth", counter(`a_total 3`), counter(`a_total 3`), nil, 0, true},
		{"shrunk", counter(`a_total 3`), counter(`a_total 1`), nil, 0, false},
		{"a gauge may shrink", gauge(`a_total 3`), gauge(`a_total 1`), nil, -2, true},
		{"new series", counter(`a_total{k="y"} 3`), counter(`a_total{k="y"} 3`, `a_total{k="x"} 2`), x, 2, true},
		{"new series of a gauge", gauge(`a_total{k="y"} 3`), gauge(`a_total{k="y"} 3`, `a_total{k="x"} 2`), x, 0, false},
		{"not before", Metrics{}, counter(`a_total 3`), nil, 0, false},
		{"not after", counter(`a_total 3`), Metrics{}, nil, 0, false},
		{"no such label", counter(`a_total 3`), counter(`a_total 4`), x, 0, false},
	} {
		got, ok := Delta(tt.before, tt.after, "a_total", tt.labels...)
		if ok != tt.ok || (ok && got != tt.want) {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseMetricsErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a page", "<html>\n", "line 1"},
		{"no value", "a 1\nb{x=\"1\"}\n", "line 2"},
		{"no number", "a 1\nb 2\nc three\n", "line 3"},
		{"cut", "a 1\nb{x=\"", "line 2"},
	} {
		_, err := ParseMetrics([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), "parsing metrics: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want one with %q", tt.name, err, tt.want)
		}
	}
	if _, ok := parse(t, "").Sum("a"); ok {
		t.Error("empty text has a metric")
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add([]byte(small))
	f.Add(sample(f, "vllm-0.32.0-before.prom")[:2000])
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMetrics(text)
		if err != nil {
			return
		}
		for name, all := range m.series {
			if got, ok := m.Sum(name); ok != (len(all) > 0 && !math.IsNaN(got)) {
				t.Fatalf("%q: got %v, %v for %d series", name, got, ok, len(all))
			}
		}
	})
}
