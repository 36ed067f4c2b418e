package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// get returns status and body of an endpoint.
func (s *instance) get(path string, headers ...string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// until returns when the condition holds.
func (s *instance) until(holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(testTimeout); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the condition did not come to hold within %s", testTimeout)
		}
	}
}

// metric returns the sum over the series of a metric whose line contains all the texts.
func (s *instance) metric(name string, with ...string) float64 {
	s.t.Helper()
	_, text := s.get("/metrics")
	sum := 0.0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		wanted := true
		for _, part := range with {
			wanted = wanted && strings.Contains(line, part)
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &value); err == nil && wanted {
			sum += value
		}
	}
	return sum
}

func TestModels(t *testing.T) {
	s := startInstance(t, "--served-model-name", "first", "second", "--enable-lora", "--lora-modules", "a=/adapters/a", `{"name":"b","path":"/adapters/b","base_model_name":"x"}`)
	_, text := s.get("/v1/models")
	var list struct {
		Data []struct {
			ID, Root string
			Parent   *string
			MaxLen   *int `json:"max_model_len"`
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list.Data {
		parent, limit := "none", 0
		if m.Parent != nil {
			parent = *m.Parent
		}
		if m.MaxLen != nil {
			limit = *m.MaxLen
		}
		got = append(got, fmt.Sprint(m.ID, " ", m.Root, " ", parent, " ", limit))
	}
	want := []string{
		"first testdata/tiny-llama none 2048", "second testdata/tiny-llama none 2048", "a /adapters/a first 0", "b /adapters/b x 0",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("models (-got +want):\n%s", diff)
	}
	for _, name := range []string{"second", "b"} {
		if status, text, err := s.post("x", body(4, fields{"model": name})); status != 200 || err != nil {
			t.Errorf("model %s: got %d, %v, %s", name, status, err, text)
		}
	}
	if status, text, _ := s.post("x", body(4, fields{"model": "c"})); status != 404 || !strings.Contains(text, "Valid aliases: first, second.") {
		t.Errorf("got %d, %s; want 404 and the names", status, text)
	}
}

func TestAPIKey(t *testing.T) {
	s := startInstance(t, "--api-key", "k1", "k2")
	if status, text := s.get("/v1/models"); status != 401 || text != `{"error":"Unauthorized"}` {
		t.Errorf("without a key: got %d, %s; want 401", status, text)
	}
	if status, _ := s.get("/v1/models", "Authorization", "Bearer k2"); status != 200 {
		t.Errorf("with a key: got %d, want 200", status)
	}
	if status, _ := s.get("/health"); status != 200 {
		t.Errorf("/health: got %d, want 200 without a key", status)
	}
}

// The switches that change what a response holds.
func TestResponseSwitches(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		extra  fields
		want   []string
		absent []string
	}{
		{"plain", nil, nil, []string{`"usage":{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4},"system_fingerprint"`}, []string{"metrics", "details"}},
		{"metrics", []string{"--enable-per-request-metrics"}, nil, []string{`"metrics":{"time_to_first_token_ms":`}, nil},
		{"no metrics for two prompts", []string{"--enable-per-request-metrics"}, fields{"prompt": [][]int{{1, 2}, {3}}}, []string{`"prompt_tokens":3`}, []string{"metrics"}},
		{"details", []string{"--enable-prompt-tokens-details"}, nil, []string{`"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":0}}`}, nil},
		{"forced usage", []string{"--enable-force-include-usage"}, fields{"stream_options": nil}, []string{`"usage":{"prompt_tokens":8,"total_tokens":9,"completion_tokens":1}}`, `"choices":[],"usage"`}, nil},
		{"no fingerprint", []string{"--fingerprint-mode", "none"}, nil, []string{`"completion_tokens":4}}`}, []string{"system_fingerprint"}},
		{"own fingerprint", []string{"--fingerprint-mode", "custom", "--fingerprint-value", "box 1"}, nil, []string{`"system_fingerprint":"box 1"`}, nil},
		{"interval of the server", []string{"--stream-interval", "3"}, fields{"return_token_ids": true, "max_tokens": 8}, nil, nil},
		{"interval of the request", nil, fields{"return_token_ids": true, "max_tokens": 8, "stream_interval": 3}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := startInstance(t, tt.args...)
			status, text, err := s.post("x", body(8, tt.extra))
			if status != 200 || err != nil {
				t.Fatalf("got %d, %v, %s", status, err, text)
			}
			for _, part := range tt.want {
				if !strings.Contains(text, part) {
					t.Errorf("got\n%s\nwant it to contain %s", text, part)
				}
			}
			for _, part := range tt.absent {
				if strings.Contains(text, part) {
					t.Errorf("got\n%s\nwant it without %s", text, part)
				}
			}
			if !strings.HasPrefix(tt.name, "interval") {
				return
			}
			var sizes []int
			for _, e := range events(text) {
				var chunk struct {
					Choices []struct {
						IDs []int `json:"token_ids"`
					}
				}
				if json.Unmarshal([]byte(e), &chunk) == nil && len(chunk.Choices) > 0 {
					sizes = append(sizes, len(chunk.Choices[0].IDs))
				}
			}
			// The first token goes out at once, then three at a time, the rest at the end.
			if diff := cmp.Diff(sizes, []int{1, 3, 3, 1}); diff != "" {
				t.Errorf("tokens a chunk (-got +want):\n%s", diff)
			}
		})
	}
}

func TestRequestIDs(t *testing.T) {
	s := startInstance(t, "--enable-request-id-headers")
	_, text, _ := s.post("run-full-7", body(4, nil))
	if !strings.Contains(text, `{"id":"cmpl-run-full-7",`) {
		t.Errorf("got %s, want the id of the header", text)
	}
	_, text, _ = s.post("", body(4, fields{"request_id": "from-body"}))
	if !strings.Contains(text, `{"id":"cmpl-from-body",`) {
		t.Errorf("got %s, want the id of the body", text)
	}
	response, err := http.Post(s.url+"/v1/completions", "application/json", bytes.NewReader(body(4, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("X-Request-Id"); len(got) != 16 {
		t.Errorf("got X-Request-Id %q, want one made up of 16 digits", got)
	}
}

// The same prompt gives the same tokens, on every launch; another prompt gives others.
func TestTokensBelongToPrompt(t *testing.T) {
	read := func(s *instance, prompt []int) []int32 {
		_, text, err := s.post("x", body(0, fields{"prompt": prompt, "stream": false, "return_token_ids": true, "max_tokens": 20}))
		var answer struct {
			Choices []struct {
				IDs []int32 `json:"token_ids"`
			}
		}
		if err != nil || json.Unmarshal([]byte(text), &answer) != nil || len(answer.Choices) != 1 {
			t.Fatalf("got %v, %s", err, text)
		}
		return answer.Choices[0].IDs
	}
	first, second := startInstance(t), startInstance(t)
	a, b, c := read(first, []int{1, 2, 3}), read(second, []int{1, 2, 3}), read(first, []int{1, 2, 4})
	if diff := cmp.Diff(a, b); diff != "" || len(a) != 20 {
		t.Errorf("two launches (-first +second):\n%s", diff)
	}
	if cmp.Equal(a, c) {
		t.Errorf("another prompt gave the same tokens %v", a)
	}
}

// Outputs end where the natural length, the stop ids and max_tokens say.
func TestOutputEnds(t *testing.T) {
	s := startInstance(t, "--sim-output-len", "3")
	tests := []struct {
		name  string
		extra fields
		want  string
	}{
		{"end of sequence", fields{"ignore_eos": false, "max_tokens": 10}, `"finish_reason":"stop","stop_reason":null 3`},
		{"stop id", fields{"stop_token_ids": []int{258}, "max_tokens": 10}, `"finish_reason":"stop","stop_reason":258 3`},
		{"both", fields{"ignore_eos": false, "stop_token_ids": []int{258}, "max_tokens": 10}, `"finish_reason":"stop","stop_reason":null 3`},
		{"max_tokens first", fields{"ignore_eos": false, "max_tokens": 2}, `"finish_reason":"length","stop_reason":null 2`},
		{"nothing may end it", fields{"max_tokens": 10}, `"finish_reason":"length","stop_reason":null 10`},
		{"not before min_tokens", fields{"ignore_eos": false, "max_tokens": 10, "min_tokens": 6}, `"finish_reason":"stop","stop_reason":null 7`},
	}
	for _, tt := range tests {
		_, text, err := s.post("x", body(8, tt.extra))
		reason := strings.Split(text, `"finish_reason":"`)
		usage := strings.Split(text, `"completion_tokens":`)
		if err != nil || len(reason) != 2 || len(usage) != 2 {
			t.Fatalf("%s: got %v, %s", tt.name, err, text)
		}
		end, _, _ := strings.Cut(`"finish_reason":"`+reason[1], `,"prompt_token_ids"`)
		count, _, _ := strings.Cut(usage[1], "}")
		if got := end + " " + count; got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// What the simulator cannot give it refuses instead of ignoring it.
func TestUnsupportedFields(t *testing.T) {
	s := startInstance(t)
	beyond := fields{
		"echo": true, "logprobs": 1, "stop": []string{"x"}, "response_format": fields{"type": "json_object"}, "use_beam_search": true,
		"structured_outputs": fields{"json": fields{}},
	}
	for name, value := range beyond {
		status, text, _ := s.post("x", body(4, fields{name: value}))
		if status != 501 || !strings.Contains(text, "the simulator does not support "+name) {
			t.Errorf("%s: got %d, %s; want 501", name, status, text)
		}
	}
	if status, text, _ := s.post("x", body(4, fields{"echo": false, "logprobs": nil, "stop": []string{}, "response_format": fields{"type": "text"}})); status != 200 {
		t.Errorf("harmless values: got %d, %s", status, text)
	}
}

func TestPriority(t *testing.T) {
	s := startInstance(t)
	if status, text, _ := s.post("x", body(4, fields{"priority": 1, "stream": false})); status != 400 || !strings.Contains(text, "Got priority 1 but Priority scheduling is not enabled.") {
		t.Errorf("got %d, %s; want 400", status, text)
	}
	s = startInstance(t, "--scheduling-policy", "priority")
	if status, text, _ := s.post("x", body(4, fields{"priority": 1})); status != 200 {
		t.Errorf("got %d, %s; want 200", status, text)
	}
}

func TestMetricsFollowRequests(t *testing.T) {
	s := startInstance(t)
	for i := range 3 {
		if _, _, err := s.post("x", body(40+i, fields{"max_tokens": 5 + i})); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.post("x", body(40, fields{"max_tokens": 1})); err != nil { // 32 of 40 tokens cached
		t.Fatal(err)
	}
	want := map[string]float64{
		"vllm:prompt_tokens_total": 163, "vllm:generation_tokens_total": 19, "vllm:request_success_total": 4,
		"vllm:prefix_cache_queries_total": 163, "vllm:prefix_cache_hits_total": 32, "vllm:num_requests_running": 0,
		"vllm:prompt_tokens_by_source_total": 163, "vllm:prompt_tokens_cached_total": 32, "vllm:time_to_first_token_seconds_count": 4,
		"vllm:inter_token_latency_seconds_count": 15, "vllm:request_queue_time_seconds_count": 4, "vllm:num_preemptions_total": 0,
		"vllm:iteration_tokens_total_sum": 150, "vllm:iteration_tokens_total_count": 19, "vllm:request_params_max_tokens_sum": 19,
		"vllm:request_prefill_kv_computed_tokens_sum": 131, "vllm:cache_config_info": 1,
	}
	for name, value := range want {
		if got := s.metric(name); got != value {
			t.Errorf("%s: got %v, want %v", name, got, value)
		}
	}
	if got := s.metric("vllm:request_success_total", `finished_reason="length"`); got != 4 {
		t.Errorf("got %v finished by length, want 4", got)
	}
	if got := s.metric("vllm:prompt_tokens_by_source_total", `source="local_compute"`); got != 131 {
		t.Errorf("got %v tokens computed, want 131", got)
	}
}

// What /metrics says is what the Prometheus parser makes of it.
func TestMetricsParse(t *testing.T) {
	s := startInstance(t, "--served-model-name", `odd "name" \ of`)
	_, text := s.get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	family := families["vllm:request_queue_time_seconds"]
	if family == nil || len(family.Metric) != 1 || len(family.Metric[0].Histogram.Bucket) != 22 {
		t.Fatalf("got %v, want one histogram of 22 buckets", family)
	}
	for _, l := range family.Metric[0].Label {
		if l.GetName() == "model_name" && l.GetValue() != `odd "name" \ of` {
			t.Errorf("got model_name %q", l.GetValue())
		}
	}
	off := startInstance(t, "--disable-log-stats")
	if _, text := off.get("/metrics"); strings.Contains(text, "vllm:") || !strings.Contains(text, "process_start_time_seconds") {
		t.Errorf("without statistics: got\n%s", text)
	}
}

func TestAccessLog(t *testing.T) {
	s := startInstance(t)
	s.get("/v1/nothing")
	if got := s.stdout.String(); !strings.Contains(got, ` - "GET /v1/nothing HTTP/1.1" 404 Not Found`) || !strings.HasPrefix(got, "INFO:     127.0.0.1:") {
		t.Errorf("got access log %q", got)
	}
	quiet := startInstance(t, "--disable-uvicorn-access-log")
	quiet.get("/health")
	if got := quiet.stdout.String(); got != "" {
		t.Errorf("got access log %q, want none", got)
	}
}

func TestIdleConnectionsClose(t *testing.T) {
	l := &launch{options: mustParse(t, "--model", "m"), startedAt: time.Now()}
	if got := l.newServing(nil).http.IdleTimeout; got != 5*time.Second {
		t.Errorf("got an idle timeout of %s, want vLLM's 5s", got)
	}
}
