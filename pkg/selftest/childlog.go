package selftest

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// logKept is how much of the end of a log is kept, in bytes.
const logKept = 4 << 10

var listening = regexp.MustCompile(`Starting vLLM server on (http://\S+)`)

// childLog takes what a metronome says, finds its address in it, and keeps the end.
type childLog struct {
	// address gets the address, once.
	address chan string

	mu    sync.Mutex
	tail  []byte
	found bool
}

func newChildLog() *childLog { return &childLog{address: make(chan string, 1)} }

// Write never fails.
func (l *childLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p...)
	// The line must be whole, or the address may be a part of it.
	if whole := bytes.LastIndexByte(l.tail, '\n'); !l.found && whole >= 0 {
		if m := listening.FindSubmatch(l.tail[:whole]); m != nil {
			l.found = true
			l.address <- string(m[1])
		}
	}
	if cut := len(l.tail) - logKept; cut > 0 {
		l.tail = l.tail[cut:]
	}
	return len(p), nil
}

// end is the last line.
func (l *childLog) end() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(string(l.tail))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
