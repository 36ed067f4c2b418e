package orchestrate

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
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
