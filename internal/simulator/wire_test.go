package simulator

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// masks hide what differs between any two runs of a server: ids, times, texts of the model.
var masks = []struct {
	pattern *regexp.Regexp
	put     string
}{
	{regexp.MustCompile(`cmpl-[0-9a-f]{16}"`), `cmpl-ID"`},
	{regexp.MustCompile(`modelperm-[0-9a-f]{16}`), `modelperm-ID`},
	{regexp.MustCompile(`"created":\d+`), `"created":T`},
	{regexp.MustCompile(`"text":"[^"]*"`), `"text":"X"`},
	{regexp.MustCompile(`"system_fingerprint":"vllm-0\.32\.0-[0-9a-f]{8}"`), `"system_fingerprint":"F"`},
	{regexp.MustCompile(`"((?:time_to_first_token|generation_time|queue_time|mean_itl)_ms|tokens_per_second)":\d+\.\d+(e-\d+)?`), `"$1":0.0`},
	{regexp.MustCompile(`"token_ids":\[[0-9]+\]`), `"token_ids":[ID]`},
	{regexp.MustCompile(`"stop_reason":\d+`), `"stop_reason":ID`},
}

func mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.put)
	}
	return text
}

// answer is what a client sees of a response.
type answer struct {
	Status  string
	Headers map[string]string
	Body    []string
}

// readAnswer reads raw bytes of a connection. Dates, lengths and framing are left out.
func readAnswer(t *testing.T, name string, raw []byte) answer {
	t.Helper()
	method := http.MethodGet
	if strings.HasPrefix(name, "head-") {
		method = http.MethodHead
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, raw)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	a := answer{Status: response.Status, Headers: map[string]string{}}
	for key, values := range response.Header {
		if key != "Date" && key != "Content-Length" {
			a.Headers[key] = strings.Join(values, "|")
		}
	}
	text := string(body)
	if name == "metrics" {
		a.Body = metricShapes(text)
		return a
	}
	a.Body = strings.SplitAfter(mask(text), "\n\n")
	if name == "stream-two-prompts" { // the order between the prompts is free
		slices.SortStableFunc(a.Body[:4], strings.Compare)
	}
	return a
}

// metricShapes lists the vLLM lines of /metrics without values; of the configuration only the names of the labels.
func metricShapes(text string) []string {
	value := regexp.MustCompile(` [-+0-9.e]+$`)
	quoted := regexp.MustCompile(`"[^"]*"`)
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.Contains(line, "vllm:") {
			continue
		}
		if !strings.HasPrefix(line, "#") {
			line = value.ReplaceAllString(line, "")
		}
		if strings.HasPrefix(line, "vllm:cache_config_info") {
			line = quoted.ReplaceAllString(line, "V")
		}
		lines = append(lines, line)
	}
	return lines
}

// exchange sends raw bytes and returns the raw answer. The captures ask for the connection to be closed.
func exchange(t *testing.T, address string, request []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestWire sends what was once sent to a real vLLM 0.32.0 and compares the answers.
func TestWire(t *testing.T) {
	s := startInstance(t, "--served-model-name", "tiny-llama@wire-full", "--max-model-len", "2048", "--max-num-seqs", "4",
		"--block-size", "128", "--enable-per-request-metrics")
	address := strings.TrimPrefix(s.url, "http://")
	requests, err := filepath.Glob("testdata/wire/*.request")
	if err != nil || len(requests) < 50 {
		t.Fatalf("got %d captured requests, %v; want 50 or more", len(requests), err)
	}
	// The counters of the first capture are zero.
	slices.SortStableFunc(requests, func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(a, "metrics", "\x00"), strings.ReplaceAll(b, "metrics", "\x00"))
	})
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".request")
		t.Run(name, func(t *testing.T) {
			request, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := readAnswer(t, name, []byte(golden(t, "wire/"+name+".response")))
			got := readAnswer(t, name, exchange(t, address, request))
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("answer (-simulator +vLLM):\n%s", diff)
			}
		})
	}
}

// TestStartupLogLikeVLLM compares our start-up log with that of a real vLLM 0.32.0 where both say something: its lines appear in
// ours, in their order.
func TestStartupLogLikeVLLM(t *testing.T) {
	s := startInstance(t, "--max-model-len", "2048", "--max-num-seqs", "4")
	shape := func(text string) []string {
		masks := []struct{ pattern, put string }{
			{`127\.0\.0\.1:\d+`, "HOST"}, {`\d\d-\d\d \d\d:\d\d:\d\d`, "DATE"}, {`pid=\d+`, "pid=P"}, {`\[\d+\]$`, "[P]"}, {`:\d+\] `, ":N] "}, {`[\d,]+\.\d+x?`, "N"},
			{`: [\d,]+ tokens`, ": N tokens"}, {`(C|G)PU KV`, "XPU KV"}, {`(cpu|gpu)_model_runner`, "model_runner"},
		}
		var lines []string
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			for _, m := range masks {
				line = regexp.MustCompile(m.pattern).ReplaceAllString(line, m.put)
			}
			lines = append(lines, line)
		}
		return lines
	}
	ours := shape(s.stderr.String())
	for _, line := range shape(golden(t, "wire/startup.log")) {
		at := slices.Index(ours, line)
		if at < 0 {
			t.Fatalf("missing, or out of order: %q in\n%s", line, strings.Join(ours, "\n"))
		}
		ours = ours[at+1:]
	}
}

// TestStartupMarkers holds the marks that programs look for, in order.
func TestStartupMarkers(t *testing.T) {
	for _, eager := range []bool{false, true} {
		args, compiled := []string{}, []string{"Dynamo bytecode transform time", "torch.compile took"}
		captured := []string{"Capturing CUDA graphs", "Graph capturing finished in"}
		if eager {
			args = append(args, "--enforce-eager")
		}
		markers := slices.Concat([]string{
			"version 0.32.0", "non-default args:", "Initializing a V1 LLM engine", "Starting to load model",
			"Loading safetensors checkpoint shards:", "Loading weights took", "Model loading took",
		}, compiled, []string{"Available KV cache memory", "GPU KV cache size:", "Maximum concurrency for"}, captured, []string{
			"init engine (profile, create kv cache, warmup model) took", "Starting vLLM server on http://", "Started server process",
			"Application startup complete.",
		})
		text := startInstance(t, args...).stderr.String()
		for _, marker := range markers {
			if eager && (slices.Contains(compiled, marker) || slices.Contains(captured, marker)) {
				if strings.Contains(text, marker) {
					t.Errorf("eager: %q is in the log", marker)
				}
				continue
			}
			before, after, found := strings.Cut(text, marker)
			if !found {
				t.Fatalf("eager %t: %q is missing after\n%s", eager, marker, before)
			}
			text = after
		}
	}
}
