package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

// logEvery is how often a step in progress gets a line where stderr is no terminal.
const logEvery = 10 * time.Second

// talk shows the events of a run on stderr: one line that is written over and over on a terminal, log lines with
// timestamps elsewhere.
type talk struct {
	w        io.Writer
	terminal bool
	width    func() int
	now      func() time.Time

	mu sync.Mutex
	// live is true while the last line on the terminal is a progress line without a line end.
	live bool
	// lastKey and lastAt say what the last log line was about and when it was written.
	lastKey string
	lastAt  time.Time
}

func newTalk(w io.Writer) *talk {
	t := &talk{w: w, now: time.Now, width: func() int { return 80 }}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		t.terminal = true
		t.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return t
}

// observe is the run's Observer.
func (t *talk) observe(e orchestrate.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := e.(type) {
	case orchestrate.RunOpened:
		t.line(fmt.Sprintf("%s: results go to %s", e.Name, e.Dir))
	case orchestrate.Note:
		t.line(e.Text)
	case orchestrate.ServerPhase:
		text := fmt.Sprintf("%s: server: %s (%s of at most %s)", e.Pass, e.Phase, clock(e.Elapsed), clock(e.Timeout))
		t.progress(e.Pass+e.Phase, text)
	case orchestrate.PassProgress:
		t.progress(e.Pass+"progress", passLine(e))
	case orchestrate.StepStarted:
		t.progress(e.Pass+e.Step, fmt.Sprintf("%s: %s …", e.Pass, e.Step))
	case orchestrate.StepDone:
		text := fmt.Sprintf("%s: %s done in %.1f s", e.Pass, e.Step, e.Took.Seconds())
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		t.line(text)
	}
}

// end finishes a progress line, so that what comes next starts on a line of its own.
func (t *talk) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	if t.terminal {
		fmt.Fprintln(t.w)
	}
}

func (t *talk) wipe() {
	if t.live {
		io.WriteString(t.w, "\r\033[K")
		t.live = false
	}
}

// line writes a line that stays.
func (t *talk) line(text string) {
	t.wipe()
	t.lastKey = ""
	if t.terminal {
		fmt.Fprintln(t.w, text)
		return
	}
	t.log(text)
}

func (t *talk) log(text string) {
	fmt.Fprintf(t.w, "%s %s\n", t.now().Format("2006-01-02T15:04:05.000Z07:00"), text)
}

// progress shows a state that will be replaced. Where stderr is no terminal it becomes a log line when key changes, and
// each logEvery.
func (t *talk) progress(key, text string) {
	if t.terminal {
		io.WriteString(t.w, "\r\033[K"+cut(text, t.width()-1))
		t.live = true
		return
	}
	now := t.now()
	if key == t.lastKey && now.Sub(t.lastAt) < logEvery {
		return
	}
	t.lastKey, t.lastAt = key, now
	t.log(text)
}

func passLine(e orchestrate.PassProgress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d/%d done, %d failed, %d running, %.0f tok/s, %s", e.Pass, e.Done, e.Total, e.Failed, e.Running,
		e.TokensPerSecond, clock(e.Elapsed))
	if e.ETA > 0 {
		fmt.Fprintf(&b, ", about %s left", clock(e.ETA))
	}
	return b.String()
}

// clock is a duration in whole seconds, as 3s, 2m3s or 30m.
func clock(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// cut shortens text to at most n characters, so that it stays on one line.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n || n < 1 {
		return text
	}
	return string(runes[:n-1]) + "…"
}
