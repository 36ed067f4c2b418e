package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// 256 streams at once, on 64 places: every one is complete and true, and the server's numbers agree with the truth.
func TestManyStreams(t *testing.T) {
	const streams, tokens = 256, 12
	s := startInstance(t, "--max-num-seqs", "64", "--sim-step", "2ms", "--enable-per-request-metrics", "--sim-truth-tokens")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: streams}}
	defer client.CloseIdleConnections()
	var wait sync.WaitGroup
	for i := range streams {
		wait.Go(func() {
			request, err := http.NewRequest(http.MethodPost, s.url+"/v1/completions", bytes.NewReader(body(20+i%5, fields{"max_tokens": tokens})))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-Request-Id", fmt.Sprintf("many-%d", i))
			response, err := client.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if got := len(events(string(text))); err != nil || got != tokens+2 {
				t.Errorf("stream %d: got %d events, %v; want %d", i, got, err, tokens+2)
			}
		})
	}
	wait.Wait()
	queued, first := s.metric("vllm:request_queue_time_seconds_sum"), s.metric("vllm:request_prefill_time_seconds_sum")
	s.stop()
	if got := s.exit(); got != exitOK {
		t.Fatalf("got exit status %d, want 0", got)
	}
	truth := s.readTruth()
	if len(truth.Requests) != streams || truth.Summary == nil || truth.Summary.CompletionTokens != streams*tokens {
		t.Fatalf("got %d requests and summary %+v, want %d with %d tokens", len(truth.Requests), truth.Summary, streams, streams*tokens)
	}
	var queueNS, prefillNS int64
	for _, r := range truth.Requests {
		queueNS += r.ScheduledNS - r.QueuedNS
		prefillNS += r.FirstTokenNS - r.ScheduledNS
		if !(r.ArrivalNS <= r.QueuedNS && r.QueuedNS <= r.ScheduledNS && r.ScheduledNS < r.FirstTokenNS && r.FirstTokenNS < r.LastTokenNS && r.LastTokenNS < r.DoneNS) {
			t.Errorf("instants out of order: %+v", r)
		}
		sum := r.ArrivalNS
		for _, gap := range r.TokenNS {
			sum += gap
		}
		if len(r.TokenNS) != tokens || sum != r.LastTokenNS {
			t.Errorf("got %d token instants that end at %d, want %d that end at %d", len(r.TokenNS), sum, tokens, r.LastTokenNS)
		}
	}
	const microsecond = 1e-6
	if diff := queued - float64(queueNS)/1e9; diff > microsecond || diff < -microsecond {
		t.Errorf("queue time: /metrics says %v s, the truth %v", queued, float64(queueNS)/1e9)
	}
	if diff := first - float64(prefillNS)/1e9; diff > microsecond || diff < -microsecond {
		t.Errorf("prefill time: /metrics says %v s, the truth %v", first, float64(prefillNS)/1e9)
	}
	if got := truth.Makespan("many-"); got != time.Duration(truth.Summary.MakespanNS) {
		t.Errorf("got makespan %s, want %s", got, time.Duration(truth.Summary.MakespanNS))
	}
}

// A client that leaves is forgotten at once and counted nowhere, as in vLLM.
func TestClientLeaves(t *testing.T) {
	s := startInstance(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/completions", bytes.NewReader(body(8, fields{"max_tokens": 2000})))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := response.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	s.until(func() bool { return s.metric("vllm:num_requests_running") == 0 })
	if got := s.metric("vllm:request_success_total"); got != 0 {
		t.Errorf("got %v finished requests, want 0", got)
	}
}
