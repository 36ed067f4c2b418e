package orchestrate

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

func TestMaxModelLen(t *testing.T) {
	model := dataset.Model{MaxPositionEmbeddings: 4096}
	tests := []struct {
		value string
		want  int
		ok    bool
	}{
		{"2048", 2048, true},
		{"8k", 8000, true},
		{"8K", 8192, true},
		{"1.5k", 1500, true},
		{"1M", 1 << 20, true},
		{"auto", 4096, true},
		{"-1", 4096, true},
		{"1.5K", 0, false},
		{"0", 0, false},
		{"-5", 0, false},
		{"k", 0, false},
		{"many", 0, false},
	}
	for _, tt := range tests {
		got, err := maxModelLen([]config.Arg{{Name: "max_model_len", Values: []string{tt.value}}}, model)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("maxModelLen(%q): got %d, %v; want %d, ok %t", tt.value, got, err, tt.want, tt.ok)
		}
	}
	if got, err := maxModelLen(nil, model); got != 4096 || err != nil {
		t.Errorf("maxModelLen without the flag: got %d, %v; want 4096", got, err)
	}
}

func TestWarmupRequests(t *testing.T) {
	seqs := []config.Arg{{Name: "max-num-seqs", Values: []string{"4"}}}
	tests := []struct {
		name        string
		fixed       int
		concurrency int
		args        []config.Arg
		requests    int
		want        int
	}{
		{"as many as there are", -1, 0, nil, 7, 7},
		{"bounded", -1, 0, nil, 5000, maxAutoWarmup},
		{"by concurrency", -1, 3, nil, 100, 3},
		{"by max-num-seqs", -1, 8, seqs, 100, 4},
		{"fixed", 50, 3, seqs, 10, 50},
		{"off", 0, 0, nil, 10, 0},
	}
	for _, tt := range tests {
		cfg := &config.Config{Server: config.Server{Args: tt.args},
			Load: config.Workload{WarmupRequests: tt.fixed, Concurrency: tt.concurrency}}
		if got := warmupRequests(cfg, tt.requests); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestRequestCount(t *testing.T) {
	ramp := &config.Ramp{From: 0, To: 8, Duration: 4 * time.Second}
	tests := []struct {
		name string
		have int
		load config.Workload
		want int
		err  string
	}{
		{"no limit", 7, config.Workload{RequestRate: 8}, 7, ""},
		{"as many as arrive", 7, config.Workload{RequestRate: 8, Duration: 500 * time.Millisecond}, 4, ""},
		{"exactly enough", 4, config.Workload{RequestRate: 8, Duration: 500 * time.Millisecond}, 4, ""},
		{"the one that is due at the end is not sent", 16, config.Workload{Ramp: ramp, Duration: 4 * time.Second}, 16, ""},
		{"one too few", 3, config.Workload{RequestRate: 8, Duration: 500 * time.Millisecond}, 3,
			"recipe: within load.duration (500ms) 4 requests arrive, and dataset.num_requests is 3"},
		{"far too few", 3, config.Workload{RequestRate: 1e9, Duration: time.Hour}, 3,
			"recipe: within load.duration (1h0m0s) 10000003 or more requests arrive, and dataset.num_requests is 3"},
	}
	for _, tt := range tests {
		tt.load.Burstiness = math.Inf(1) // even gaps
		got, err := requestCount(&config.Config{Dataset: config.Dataset{NumRequests: tt.have}, Load: tt.load})
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%s: got %d, %q; want %d, %q", tt.name, got, text, tt.want, tt.err)
		}
	}
}

func TestLoadInfo(t *testing.T) {
	in := &Inputs{Offsets: []time.Duration{0, 1500 * time.Millisecond}}
	tests := []struct {
		load config.Workload
		want report.LoadInfo
		text string
	}{
		{config.Workload{RequestRate: math.Inf(1), Burstiness: 1}, report.LoadInfo{RequestRate: "inf"}, "inf/s"},
		{config.Workload{RequestRate: 8, Burstiness: 0.5, Duration: 90 * time.Second},
			report.LoadInfo{RequestRate: "8", Burstiness: "0.5", DurationSeconds: 90}, "8/s, burstiness 0.5, sent for 90 s"},
		{config.Workload{RequestRate: math.Inf(1), Burstiness: math.Inf(1), Ramp: &config.Ramp{From: 0, To: 2.5, Duration: time.Minute}},
			report.LoadInfo{RequestRate: "ramp", Burstiness: "inf", Ramp: &report.RampInfo{From: 0, To: 2.5, DurationSeconds: 60}},
			"0 to 2.5/s within 60 s, burstiness inf"},
	}
	for _, tt := range tests {
		tt.want.LastArrivalSeconds = 1.5
		got := loadInfo(&config.Config{Load: tt.load}, in)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		if text := strings.Join(append([]string{got.Rate("/s")}, got.Shape()...), ", "); text != tt.text {
			t.Errorf("got %q, want %q", text, tt.text)
		}
	}
}

func TestDecideStops(t *testing.T) {
	yes, no := true, false
	eot := int32(258)
	model := dataset.Model{EOS: []int32{257}, EOT: &eot}
	tests := []struct {
		name   string
		path   string
		ignore *bool
		stops  []int
		want   []int
		eos    bool
	}{
		{"random prompts", "", nil, nil, nil, true},
		{"data set", "a.pkl", nil, nil, []int{257, 258}, false},
		{"data set, ignoring", "a.pkl", &yes, nil, nil, true},
		{"data set, own ids", "a.pkl", nil, []int{7}, []int{7}, false},
		{"data set, no ids", "a.pkl", nil, []int{}, []int{}, false},
		{"random prompts, not ignoring", "", &no, nil, []int{257, 258}, false},
	}
	for _, tt := range tests {
		in := &Inputs{Model: model}
		in.decideStops(&config.Config{Dataset: config.Dataset{Path: tt.path},
			Load: config.Workload{IgnoreEOS: tt.ignore, StopTokenIDs: tt.stops}})
		if diff := cmp.Diff(tt.want, in.StopIDs); diff != "" || in.IgnoreEOS != tt.eos {
			t.Errorf("%s: ignore_eos got %t, want %t; stop ids (-want +got):\n%s", tt.name, in.IgnoreEOS, tt.eos, diff)
		}
	}
}

func TestAPIKey(t *testing.T) {
	inherited := Options{LookupEnv: func(name string) (string, bool) { return "inherited", name == "VLLM_API_KEY" }}
	flag := []config.Arg{{Name: "api_key", Values: []string{"flag", "second"}}}
	own := []config.EnvVar{{Name: "VLLM_API_KEY", Value: "own"}}
	tests := []struct {
		server config.Server
		want   string
	}{
		{config.Server{Args: flag, Env: own}, "flag"},
		{config.Server{Env: own}, "own"},
		{config.Server{}, "inherited"},
	}
	for _, tt := range tests {
		if got := apiKey(&config.Config{Server: tt.server}, inherited); got != tt.want {
			t.Errorf("key of %+v: got %q, want %q", tt.server, got, tt.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for host, want := range map[string]string{"": "http://127.0.0.1:8000", "0.0.0.0": "http://127.0.0.1:8000",
		"::": "http://[::1]:8000", "::1": "http://[::1]:8000", "box": "http://box:8000", "10.1.2.3": "http://10.1.2.3:8000"} {
		if got := baseURL(host, 8000); got != want {
			t.Errorf("baseURL(%q): got %q, want %q", host, got, want)
		}
	}
}

func TestRateText(t *testing.T) {
	for rate, want := range map[float64]string{math.Inf(1): "inf", 0.5: "0.5", 12: "12", 1e3: "1000"} {
		if got := rateText(rate); got != want {
			t.Errorf("rateText(%v): got %q, want %q", rate, got, want)
		}
	}
}
