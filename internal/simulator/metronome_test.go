package simulator

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squeezebits/sqzb-orchestrate/internal/metronome"
)

// A metronome sends what was asked for, and writes it down once it is stopped.
func TestMetronome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth.jsonl")
	s := startInstance(t, "--sim-metronome", "2ms", "--sim-metronome-ttft", "3ms", "--sim-metronome-truth", path)
	status, text, err := s.post("r-1", body(8, fields{"max_tokens": 5}))
	if err != nil || status != 200 {
		t.Fatalf("got status %d, %v", status, err)
	}
	got := events(text)
	if len(got) != 7 || got[6] != "[DONE]" {
		t.Fatalf("got %d events, want 5 tokens, the usage and [DONE]:\n%s", len(got), text)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the truth is there before it is complete")
	}
	s.stop()
	if got := s.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	truth, err := metronome.ReadTruth(file)
	if err != nil || len(truth) != 1 || truth[0].ID != "r-1" || truth[0].PromptTokens != 8 || len(truth[0].SentNS) != 5 {
		t.Fatalf("got the truth %+v, %v; want 5 tokens for a prompt of 8", truth, err)
	}
	for i, at := range truth[0].SentNS {
		var event struct {
			Sent int64 `json:"sent_ns"`
		}
		if err := json.Unmarshal([]byte(got[i]), &event); err != nil || event.Sent != at {
			t.Errorf("event %d was sent at %d, and says %d (%v)", i, at, event.Sent, err)
		}
	}
}

// What does not fit together is refused before anything is served.
func TestMetronomeOptions(t *testing.T) {
	tests := []struct {
		args   string
		status int
		want   string
	}{
		{"--sim-metronome 0s", exitUsage, "argument --sim-metronome: needs a --sim-metronome above 0"},
		{"--sim-metronome-ttft 1ms", exitUsage, "argument --sim-metronome-ttft: needs a --sim-metronome above 0"},
		{"--sim-metronome-truth f", exitUsage, "argument --sim-metronome-truth: needs a --sim-metronome above 0"},
		{"--sim-metronome 1ms --sim-tree", exitUsage, "argument --sim-metronome: takes neither --sim-tree nor --sim-fault"},
		{"--sim-metronome 1ms --sim-fault exit", exitUsage, "argument --sim-metronome: takes neither --sim-tree nor --sim-fault"},
		{"--sim-metronome 1ms --sim-metronome-truth /no/such/folder/f", exitFailure, "OSError: [Errno 2]"},
	}
	for _, tt := range tests {
		s := launchInstance(t, strings.Fields(tt.args)...)
		if got := s.exit(); got != tt.status || !strings.Contains(s.stderr.String(), tt.want) {
			t.Errorf("%s: got exit status %d and\n%s\nwant %d and %q", tt.args, got, s.stderr, tt.status, tt.want)
		}
	}
}
