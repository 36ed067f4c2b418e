package simulator

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// silence is how long a test listens for what must not come.
const silence = 100 * time.Millisecond

func TestHang(t *testing.T) {
	tests := []struct{ fault, id string }{
		{"hang:request=2,tokens=2", "x"},
		{"hang:id=-7,tokens=2", "run-full-7"},
		{"hang:phase=warm-up,tokens=2", "run-full-warmup-0"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			s := startInstance(t, "--sim-fault", tt.fault)
			if _, text, err := s.post("first", body(8, nil)); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
				t.Fatalf("before: got %q, %v", text, err)
			}
			others := make(chan string, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				text, _ := s.postUntil(ctx, body(9, fields{"max_tokens": 2000}))
				others <- text
			}()
			s.until(func() bool { return s.metric("vllm:generation_tokens_total") > 4 })
			hung := make(chan string, 1)
			var came atomic.Int64
			go func() {
				text, err := s.postCounting(ctx, tt.id, body(8, fields{"max_tokens": 2000}), &came)
				if err == nil {
					t.Errorf("got a whole stream, want one that falls silent")
				}
				hung <- text
			}()
			s.until(func() bool { return came.Load() >= 2 && s.generationStands() })
			if status, _ := s.get("/health"); status != 200 {
				t.Errorf("got %d from /health, want 200", status)
			}
			cancel()
			if text := <-hung; len(events(text)) != 2 {
				t.Errorf("got %d events in the stream, want 2:\n%s", len(events(text)), text)
			}
			if text := <-others; strings.Contains(text, "[DONE]") || len(events(text)) == 0 {
				t.Errorf("the other stream: got %q, want one that began and fell silent", text)
			}
		})
	}
}

// generationStands reports whether no token comes for a while.
func (s *instance) generationStands() bool {
	before := s.metric("vllm:generation_tokens_total")
	<-time.After(silence)
	return s.metric("vllm:generation_tokens_total") == before
}

func TestStall(t *testing.T) {
	s := startInstance(t, "--sim-fault", "stall:id=-bad,tokens=2")
	for _, stream := range []bool{true, false} {
		want := map[bool]int{true: 2, false: 0}[stream]
		ctx, cancel := context.WithCancel(t.Context())
		var came atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			text, err := s.postCounting(ctx, "x-bad", body(8, fields{"stream": stream}), &came)
			if err == nil || len(events(text)) != want {
				t.Errorf("stream %t: got %d events and %v; want %d and no end", stream, len(events(text)), err, want)
			}
		}()
		s.until(func() bool { return came.Load() >= int64(want) })
		<-time.After(silence)
		cancel()
		<-ended
	}
	if _, text, err := s.post("good", body(8, nil)); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("the request after it: got %q, %v", text, err)
	}
	s.stop()
	if got := s.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
	truth := s.readTruth()
	if len(truth.Requests) != 3 || truth.Requests[0].Fault != "stall" || truth.Requests[0].CompletionTokens != 2 {
		t.Errorf("got truth %+v, want three requests, the first with 2 tokens and the fault", truth.Requests)
	}
}

func TestSlowHealth(t *testing.T) {
	t.Run("for a time", func(t *testing.T) {
		t.Parallel()
		s := startInstance(t, "--sim-fault", "slow-health:for=150ms")
		s.until(func() bool {
			began := time.Now()
			status, _ := s.get("/health")
			return status == 200 && time.Since(began) >= 150*time.Millisecond
		})
	})
	t.Run("for ever, from a request on", func(t *testing.T) {
		t.Parallel()
		s := startInstance(t, "--sim-fault", "slow-health:request=0,tokens=1")
		if status, _ := s.get("/health"); status != 200 {
			t.Errorf("before: got %d from /health, want 200", status)
		}
		if _, text, err := s.post("r", body(8, nil)); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
			t.Errorf("got %q, %v; want a whole stream", text, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			t.Errorf("got %d from /health, want no answer", response.StatusCode)
		}
		if status, _, err := s.post("r", body(9, nil)); status != 200 || err != nil {
			t.Errorf("while /health hangs: got %d, %v; want a stream", status, err)
		}
	})
}

// What can go wrong after SIGTERM.
func TestStoppingFaults(t *testing.T) {
	tests := []struct {
		fault  string
		status int
		killed bool
		takes  time.Duration
		log    string
	}{
		{"exit:phase=stopping,status=3", 3, false, 0, "shutdown triggered"},
		{"exit:phase=stopping,status=0,after=50ms", 0, false, 50 * time.Millisecond, "shutdown triggered"},
		{"kill:phase=stopping", exitKilled, true, 0, "shutdown triggered"},
		{"slow-stop:for=80ms", 0, false, 80 * time.Millisecond, "INFO:     Application shutdown complete."},
		{"slow-stop:for=80ms,pass=summarization", 0, false, 0, "INFO:     Application shutdown complete."},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			s := startInstance(t, "--sim-fault", tt.fault)
			began := time.Now()
			s.stop()
			if got := s.exit(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			if took := time.Since(began); took < tt.takes {
				t.Errorf("the stop took %s, want at least %s", took, tt.takes)
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
			if !strings.Contains(s.stderr.String(), tt.log) {
				t.Errorf("got log\n%s\nwant %q", s.stderr, tt.log)
			}
		})
	}
}

// A stop that never ends, with streams open and without.
func TestStopsNever(t *testing.T) {
	for _, fault := range []string{"hang:phase=stopping", "slow-stop"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			c := startChild(t, "--sim-fault", fault)
			c.stderr.wait(t, "Application startup complete.")
			c.terminate(t)
			c.stderr.wait(t, "shutdown triggered")
			ended := make(chan struct{})
			go func() {
				_, _ = c.Process.Wait()
				close(ended)
			}()
			select {
			case <-ended:
				t.Errorf("ended by itself")
			case <-time.After(2*closeTimeout + silence):
			}
			if err := c.Process.Kill(); err != nil {
				t.Error(err)
			}
			<-ended
		})
	}
}

// A warm-up request lets faults strike, another one does not.
func TestWarmupFaults(t *testing.T) {
	s := startInstance(t, "--sim-fault", "exit:phase=warm-up,status=6")
	if status, _, err := s.post("run-full-probe-0", body(8, nil)); status != 200 || err != nil {
		t.Errorf("probe: got %d, %v; want a stream", status, err)
	}
	if _, text, err := s.post("run-full-warmup-0", body(8, nil)); err == nil && strings.Contains(text, "[DONE]") {
		t.Errorf("warm-up: got a whole stream %q", text)
	}
	if got := s.exit(); got != 6 {
		t.Errorf("got exit status %d, want 6", got)
	}
}

// Without a way to start itself again, what needs processes says so and the server goes on.
func TestNoProgram(t *testing.T) {
	s := startInstance(t, "--sim-fault", "double-fork")
	s.stderr.wait(t, "ERROR: --sim-fault double-fork: starting forker: nobody said how this program is started")
	tree := launchInstance(t, "--sim-tree")
	if got := tree.exit(); got != exitFailure || !strings.Contains(tree.stderr.String(), "starting resource_tracker: nobody said") {
		t.Errorf("got exit status %d and log\n%s\nwant 1 and the reason", got, tree.stderr)
	}
}
