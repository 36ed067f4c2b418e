package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1499 * time.Millisecond: "1s", 30 * time.Minute: "30m", 2 * time.Hour: "2h", 123 * time.Second: "2m3s",
		time.Hour + time.Second: "1h0m1s", time.Hour + time.Minute: "1h1m",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v): got %q, want %q", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{{"größer", 6, "größer"}, {"größer", 5, "größ…"}, {"x", 0, "x"}} {
		if got := cut(tt.text, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d): got %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}

// events is what a run tells, with a clock that goes on by the given steps before each.
func events(talk *talk, now *time.Time) {
	for _, e := range []struct {
		after time.Duration
		event orchestrate.Event
	}{
		{0, orchestrate.RunOpened{Name: "n", Dir: "/r"}},
		{time.Second, orchestrate.ServerPhase{Pass: "full", Phase: "launching", Elapsed: time.Second, Timeout: time.Minute}},
		{time.Second, orchestrate.ServerPhase{Pass: "full", Phase: "launching", Elapsed: 2 * time.Second, Timeout: time.Minute}},
		{time.Second, orchestrate.ServerPhase{Pass: "full", Phase: "loading", Elapsed: 3 * time.Second, Timeout: time.Minute}},
		{logEvery, orchestrate.ServerPhase{Pass: "full", Phase: "loading", Elapsed: 13 * time.Second, Timeout: time.Minute}},
		{time.Second, orchestrate.StepDone{Pass: "full", Step: "start", Took: 14 * time.Second, Detail: "ready"}},
		{time.Second, orchestrate.PassProgress{Pass: "full", Total: 4, Done: 1, Failed: 0, Running: 2, TokensPerSecond: 12.4,
			Elapsed: time.Second, ETA: 3 * time.Second}},
	} {
		*now = now.Add(e.after)
		talk.observe(e.event)
	}
}

func TestTalkWritesLogLinesWhereThereIsNoTerminal(t *testing.T) {
	var b strings.Builder
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	talk := newTalk(&b)
	talk.now = func() time.Time { return now }
	events(talk, &now)
	want := `2026-11-23T10:00:00.000Z n: results go to /r
2026-11-23T10:00:01.000Z full: server: launching (1s of at most 1m)
2026-11-23T10:00:03.000Z full: server: loading (3s of at most 1m)
2026-11-23T10:00:13.000Z full: server: loading (13s of at most 1m)
2026-11-23T10:00:14.000Z full: start done in 14.0 s: ready
2026-11-23T10:00:15.000Z full: 1/4 done, 0 failed, 2 running, 12 tok/s, 1s, about 3s left
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestTalkRewritesOneLineOnATerminal(t *testing.T) {
	var b strings.Builder
	now := time.Now()
	talk := newTalk(&b)
	talk.terminal, talk.width, talk.now = true, func() int { return 24 }, func() time.Time { return now }
	events(talk, &now)
	talk.end()
	const wipe = "\r\033[K"
	want := "n: results go to /r\n" +
		wipe + "full: server: launchin…" + wipe + "full: server: launchin…" + wipe + "full: server: loading …" +
		wipe + "full: server: loading …" + wipe + "full: start done in 14.0 s: ready\n" +
		wipe + "full: 1/4 done, 0 fail…" + wipe + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
}
