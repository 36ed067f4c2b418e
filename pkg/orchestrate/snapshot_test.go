package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestSettled(t *testing.T) {
	const want = 7
	count := func(n int) string {
		return fmt.Sprintf("# TYPE vllm:request_success_total counter\nvllm:request_success_total %d\n", n)
	}
	tests := []struct {
		name string
		// answers are what the server gives, the last one for ever; an empty one is an error.
		answers  []string
		latency  time.Duration
		text     string
		finished int
		took     time.Duration
	}{
		{"at once", []string{count(7)}, 0, count(7), 7, 0},
		{"more than that", []string{count(9)}, 0, count(9), 9, 0},
		{"after a moment", []string{count(5), count(6), count(7)}, 0, count(7), 7, 2 * settleEvery},
		{"never", []string{count(6)}, 0, count(6), 6, settleTimeout},
		{"a slow server is waited for", []string{count(7)}, 9 * time.Second, count(7), 7, 9 * time.Second},
		{"a slow server that never counts them all", []string{count(6)}, time.Second + settleTimeout, count(6), 6,
			time.Second + settleTimeout},
		{"no metrics", []string{""}, 0, "", 0, 0},
		{"no metrics any more", []string{count(6), ""}, 0, count(6), 6, settleEvery},
		{"no counter", []string{"process_start_time_seconds 1\n"}, 0, "process_start_time_seconds 1\n", 0, 0},
		{"not to be read", []string{"{"}, 0, "{", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call, startedAt := 0, time.Now()
				text, finished := settled(t.Context(), func(context.Context) ([]byte, error) {
					time.Sleep(tt.latency)
					answer := tt.answers[min(call, len(tt.answers)-1)]
					call++
					if answer == "" {
						return nil, errors.New("no metrics")
					}
					return []byte(answer), nil
				}, want)
				if string(text) != tt.text || finished != tt.finished {
					t.Errorf("got %q, %d; want %q, %d", text, finished, tt.text, tt.finished)
				}
				if took := time.Since(startedAt); took < tt.took || took > tt.took+settleEvery {
					t.Errorf("took %s, want %s", took, tt.took)
				}
			})
		})
	}
}
