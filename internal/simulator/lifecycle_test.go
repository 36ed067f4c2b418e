package simulator

import (
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The port is taken from the start, but connections are refused until the server is ready.
func TestListensOnlyWhenReady(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	s := launchInstance(t, "--port", strconv.Itoa(port), "--sim-startup", "500ms")
	s.stderr.wait(t, "Starting to load model")
	address := "127.0.0.1:" + strconv.Itoa(port)
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Errorf("a connection was taken while loading")
	}
	s.stderr.wait(t, "Application startup complete.")
	if response, err := http.Get("http://" + address + "/health"); err != nil || response.StatusCode != 200 {
		t.Errorf("got %v, %v from /health; want 200", response, err)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := launchInstance(t, "--port", strconv.Itoa(taken.Addr().(*net.TCPAddr).Port))
	if got := s.exit(); got != exitFailure {
		t.Errorf("got exit status %d, want 1", got)
	}
	if !strings.Contains(s.stderr.String(), "Address already in use") {
		t.Errorf("the log does not say why:\n%s", s.stderr)
	}
}

// What vLLM refuses at the start: exit status and text.
func TestStartFailures(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"unknown flag", []string{"--no-such-flag", "3"}, 2, "api_server.py: error: unrecognized arguments: --no-such-flag\n"},
		{"unknown fault", []string{"--sim-fault", "explode"}, 2, "argument --sim-fault: unknown fault"},
		{"bad length", []string{"--sim-output-len", "5:3"}, 2, `argument --sim-output-len: "5:3" is no output length`},
		{"metrics without statistics", []string{"--enable-per-request-metrics", "--disable-log-stats"}, 1,
			"ValueError: Error: --enable-per-request-metrics requires engine statistics logging; remove --disable-log-stats to enable per-request metrics."},
		{"model too short", []string{"--max-model-len", "4096"}, 1, "User-specified max_model_len (4096) is greater than the derived max_model_len (max_position_embeddings=2048"},
		{"no model folder", []string{"--model", "/no/such/model"}, 1, "Invalid repository ID or local directory specified: '/no/such/model'."},
		{"too few batched tokens", []string{"--max-num-batched-tokens", "8", "--max-num-seqs", "16"}, 1, "max_num_batched_tokens (8) must be greater than or equal to max_num_seqs (16)."},
		{"no chunks", []string{"--no-enable-chunked-prefill", "--max-num-batched-tokens", "300"}, 1, "max_num_batched_tokens (300) is smaller than max_model_len (2048)."},
		{"too little cache", []string{"--num-gpu-blocks-override", "5"}, 1, "more KV cache is needed than is available (5 blocks of 16 tokens)"},
		{"no places", []string{"--max-num-seqs", "0"}, 1, "max_num_seqs must be greater than 0, got 0"},
		{"adapters switched off", []string{"--lora-modules", "a=/x"}, 1, "LoRA is not enabled"},
		{"bad adapter", []string{"--enable-lora", "--lora-modules", "a"}, 2, "Invalid JSON format for --lora-modules: a"},
		{"configuration file", []string{"--config", "x.yaml"}, 2, "argument --config"},
		{"truth folder is a file", []string{"--sim-truth", "run.go"}, 1, "OSError: [Errno 20] Not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := launchInstance(t, tt.args...)
			if got := s.exit(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			text := s.stderr.String()
			if !strings.Contains(text, tt.want) {
				t.Errorf("got log\n%s\nwant it to contain %q", text, tt.want)
			}
			if tt.status == 2 && !strings.HasPrefix(text, "usage: api_server.py [-h]") {
				t.Errorf("a wrong command line without usage")
			}
		})
	}
}

// The help explains every flag and fault of the simulator's own.
func TestHelp(t *testing.T) {
	s := launchInstance(t, "--help")
	if got := s.exit(); got != exitOK || !strings.HasPrefix(s.stdout.String(), "usage: api_server.py") {
		t.Errorf("got exit status %d and %q, want 0 and the usage on stdout", got, s.stdout)
	}
	text := s.stdout.String()
	for _, spec := range simFlags() {
		explained := strings.Contains(text, "\n  "+spec.names[0]+" ") || strings.Contains(text, "\n  "+spec.names[0]+"\n")
		if !explained || !strings.Contains(simUsage, "["+spec.names[0]) {
			t.Errorf("%s is not explained, or not in the usage", spec.names[0])
		}
	}
	for name, kind := range faultKinds {
		if !strings.Contains(text, "\n  "+string(name)+" ") || kind.help == "" {
			t.Errorf("fault %s is not explained", name)
		}
	}
}

// A stop ends open streams with finish reason abort and a clean end, at once.
func TestStopAbortsRequests(t *testing.T) {
	s := startInstance(t, "--max-num-seqs", "1")
	type result struct {
		text string
		err  error
	}
	results := make(chan result, 2)
	for _, id := range []string{"running", "waiting"} {
		go func() {
			_, text, err := s.post(id, body(8, fields{"max_tokens": 1500}))
			results <- result{text, err}
		}()
	}
	s.until(func() bool {
		return s.metric("vllm:num_requests_waiting") == 1 && s.metric("vllm:generation_tokens_total") > 0
	})
	began := time.Now()
	s.stop()
	if got := s.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stop took %s, want well under a second", took)
	}
	for range 2 {
		r := <-results
		if r.err != nil || !strings.Contains(r.text, `"finish_reason":"abort"`) || !strings.HasSuffix(r.text, "data: [DONE]\n\n") {
			t.Errorf("got %v and a stream that ends with %q; want abort, usage, [DONE]", r.err, r.text[max(0, len(r.text)-400):])
		}
	}
	truth := s.readTruth()
	if len(truth.Requests) != 2 || truth.Requests[0].FinishReason != "abort" || truth.Summary == nil {
		t.Errorf("got truth %+v, want two aborted requests and a summary", truth)
	}
	if !strings.Contains(s.stderr.String(), "[shutdown] API server: stopping engine client mode=abort timeout=0s") {
		t.Errorf("the log does not tell the stop:\n%s", s.stderr)
	}
}

// With --shutdown-timeout the requests in flight are finished first.
func TestStopDrains(t *testing.T) {
	s := startInstance(t, "--shutdown-timeout", "20")
	results := make(chan string, 1)
	go func() {
		_, text, _ := s.post("r", body(8, fields{"max_tokens": 100}))
		results <- text
	}()
	s.until(func() bool { return s.metric("vllm:generation_tokens_total") > 0 })
	s.stop()
	if text := <-results; !strings.Contains(text, `"completion_tokens":100`) {
		t.Errorf("the request was not finished: %s", text)
	}
	if got := s.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
}

func TestStopWhileLoading(t *testing.T) {
	s := launchInstance(t, "--sim-startup", "1h")
	s.stderr.wait(t, "non-default args")
	s.stop()
	if got := s.exit(); got != exitInterrupted || !strings.Contains(s.stderr.String(), "KeyboardInterrupt: terminated") {
		t.Errorf("got exit status %d and log\n%s\nwant 130 and KeyboardInterrupt", got, s.stderr)
	}
}

// Faults that end the process.
func TestProcessFaults(t *testing.T) {
	tests := []struct {
		name, fault string
		args        []string
		request     bool
		status      int
		killed      bool
		ready       bool
		log         string
	}{
		{name: "exit while loading", fault: "exit:phase=loading,status=3", status: 3},
		{name: "exit late while loading", fault: "exit:phase=loading,after=40ms,status=0", status: 0, log: "Supported tasks"},
		{name: "kill while loading", fault: "kill:phase=loading", status: exitKilled, killed: true},
		{name: "out of memory", fault: "oom-loading", status: 1, log: "torch.OutOfMemoryError: CUDA out of memory."},
		{name: "exit when ready", fault: "exit:status=4", status: 4, ready: true},
		{name: "kill after a time", fault: "kill:after=20ms", status: exitKilled, killed: true, ready: true},
		{name: "exit at a request", fault: "exit:request=0,tokens=2,status=0", request: true, status: 0, ready: true},
		{name: "kill at a request", fault: "kill:id=-5", request: true, status: exitKilled, killed: true, ready: true},
		{name: "not in this pass", fault: "exit:pass=summarization", request: true, status: -1, ready: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := launchInstance(t, append(tt.args, "--sim-fault", tt.fault)...)
			if tt.request {
				s.stderr.wait(t, "Application startup complete.")
				s.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(s.stderr.String())
				_, text, err := s.post("x-5", body(8, nil))
				if broken := err != nil || !strings.Contains(text, "[DONE]"); broken != (tt.status >= 0) {
					t.Errorf("got response %q, %v", text, err)
				}
				select {
				case <-s.killed:
				default:
					if tt.killed {
						t.Errorf("the response broke before the process ended")
					}
				}
			}
			if tt.status < 0 {
				s.stop()
				tt.status = exitOK
			}
			if got := s.exit(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			select {
			case <-s.killed:
				if !tt.killed {
					t.Errorf("killed itself")
				}
			default:
				if tt.killed {
					t.Errorf("did not kill itself")
				}
			}
			if strings.Contains(tt.fault, "tokens=2") {
				truth := s.readTruth()
				if len(truth.Requests) != 1 || truth.Requests[0].CompletionTokens != 2 || truth.Requests[0].Fault != "exit" {
					t.Errorf("got truth %+v, want the request with 2 tokens and the fault", truth.Requests)
				}
			}
			text := s.stderr.String()
			if ready := strings.Contains(text, "Application startup complete."); ready != tt.ready || !strings.Contains(text, tt.log) {
				t.Errorf("got ready %t, want %t, and %q in\n%s", ready, tt.ready, tt.log, text)
			}
		})
	}
}

func TestHangLoading(t *testing.T) {
	s := launchInstance(t, "--sim-fault", "hang-loading:after=5ms")
	s.stderr.wait(t, "Loading safetensors")
	s.stop()
	if got := s.exit(); got != exitInterrupted {
		t.Errorf("got exit status %d, want 130", got)
	}
	if strings.Contains(s.stderr.String(), "Application startup complete.") {
		t.Errorf("became ready")
	}
}

// The real process: SIGKILL by its own hand, and SIGTERM that has no effect.
func TestProcess(t *testing.T) {
	t.Run("kill", func(t *testing.T) {
		t.Parallel()
		c := startChild(t, "--sim-fault", "kill")
		err := c.Wait()
		if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Errorf("got %v, want an end by SIGKILL", err)
		}
	})
	t.Run("SIGTERM", func(t *testing.T) {
		t.Parallel()
		c := startChild(t)
		c.stderr.wait(t, "Application startup complete.")
		began := time.Now()
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil || time.Since(began) > time.Second {
			t.Errorf("got %v after %s, want exit 0 well under a second", err, time.Since(began))
		}
		if truth := readTruthFile(t, TruthPath(c.truth, "m")); truth.Summary == nil || truth.Start.PID != c.Process.Pid {
			t.Errorf("got truth %+v, want a summary and pid %d", truth, c.Process.Pid)
		}
	})
	t.Run("SIGTERM ignored while serving", func(t *testing.T) {
		t.Parallel()
		c := startChild(t, "--sim-fault", "ignore-sigterm")
		c.stderr.wait(t, "Application startup complete.")
		c.terminateInVain(t)
		url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(c.stderr.String())
		if response, err := http.Get(url + "/health"); err != nil || response.StatusCode != 200 {
			t.Errorf("after SIGTERM: got %v, %v; want it to serve", response, err)
		}
	})
	t.Run("SIGTERM ignored while loading", func(t *testing.T) {
		t.Parallel()
		c := startChild(t, "--sim-fault", "ignore-sigterm:phase=loading", "--sim-startup", "300ms")
		c.stderr.wait(t, "non-default args")
		c.terminateInVain(t)
		if err := c.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("ended: %v", err)
		}
	})
}

// terminateInVain sends a SIGTERM and waits until the simulator has ignored it.
func (c *child) terminateInVain(t *testing.T) {
	t.Helper()
	c.terminate(t)
	c.stderr.wait(t, signalIgnored)
}

func (c *child) terminate(t *testing.T) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
