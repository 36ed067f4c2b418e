package simulator

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTruthPath(t *testing.T) {
	if got := TruthPath("d", "org/Llama@x-full"); got != "d/org_Llama_x-full.jsonl" {
		t.Errorf("got %s", got)
	}
}

func TestTruthRoundTrip(t *testing.T) {
	dir, origin := t.TempDir(), time.Now()
	w, err := newTruthWriter(dir, "m@x", origin)
	if err != nil {
		t.Fatal(err)
	}
	requests := []TruthRequest{
		{Kind: "request", RequestID: "x-1", PromptTokens: 3, CompletionTokens: 4, CachedTokens: 1, ArrivalNS: 50, DoneNS: 90, TokenNS: []int64{5, 6}},
		{Kind: "request", RequestID: "x-0", PromptTokens: 2, CompletionTokens: 1, ArrivalNS: 20, DoneNS: 70, Fault: "abort"},
		{Kind: "request", RequestID: "warm-0", ArrivalNS: 1, DoneNS: 2},
	}
	for _, r := range requests {
		w.request(r)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	truth := readTruthFile(t, TruthPath(dir, "m@x"))
	if diff := cmp.Diff(truth.Requests, requests); diff != "" {
		t.Errorf("requests (-got +want):\n%s", diff)
	}
	want := &TruthSummary{
		Kind: "summary", Requests: 3, PromptTokens: 5, CompletionTokens: 5, CachedTokens: 1, FirstArrivalNS: 1, LastDoneNS: 90, MakespanNS: 89,
	}
	if diff := cmp.Diff(truth.Summary, want); diff != "" {
		t.Errorf("summary (-got +want):\n%s", diff)
	}
	if truth.Start.ServedName != "m@x" || truth.Start.WallUnixNS != origin.UnixNano() {
		t.Errorf("got start %+v", truth.Start)
	}
	if got := truth.Makespan("x-"); got != 70 {
		t.Errorf("got a makespan of %d, want 90 − 20", got)
	}
	if got := truth.Makespan("none"); got != 0 {
		t.Errorf("got a makespan of %d without requests, want 0", got)
	}
}

func TestReadTruth(t *testing.T) {
	cut, err := ReadTruth(strings.NewReader("{\"kind\":\"start\",\"pid\":3}\n{\"kind\":\"request\",\"request_id\":\"a\"}\n{\"kind\":\"requ"))
	if err != nil || len(cut.Requests) != 1 || cut.Summary != nil || cut.Start.PID != 3 {
		t.Errorf("a file cut in a line: got %+v, %v; want one request", cut, err)
	}
	for text, want := range map[string]string{
		"{\"kind\":\"start\"}\nx\n":                 "truth, line 2: invalid character",
		"{\"kind\":\"other\"}\n":                    `truth, line 1: unknown kind "other"`,
		"{\"kind\":\"request\",\"number\":\"x\"}\n": "truth, line 1: json",
	} {
		if _, err := ReadTruth(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want it to contain %q", text, err, want)
		}
	}
}

func FuzzReadTruth(f *testing.F) {
	f.Add("{\"kind\":\"start\"}\n{\"kind\":\"request\",\"token_ns\":[1,2]}\n{\"kind\":\"summary\"}\n")
	f.Add("{\"kind\":null}\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		truth, err := ReadTruth(strings.NewReader(text))
		if lines := strings.Count(text, "\n"); err == nil && len(truth.Requests) > lines {
			t.Errorf("got %d requests from %d lines", len(truth.Requests), lines)
		}
		truth.Makespan("")
	})
}
