package server

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Bounds on what is read of a log and kept of it, whatever the server writes, in bytes.
const (
	// tailWindow is how much of the end is searched for the last lines.
	tailWindow = 256 << 10
	// scanWindow is how much is searched for phase markers at a time; what a flooding server wrote before it is skipped.
	scanWindow = 1 << 20
	// maxLine bounds a line that is shown.
	maxLine = 1000
)

// serverLog is the file that the server itself writes. It is opened anew for each look, so it costs nothing in between.
type serverLog struct {
	path string
	// start is where this launch's output begins.
	start int64

	mu sync.Mutex
	// offset is how far scanner has read.
	offset  int64
	scanner phaseScanner
}

// phase reads what was written since the last call and returns the phase that the log shows.
func (l *serverLog) phase() Phase {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, from, err := readEnd(l.path, l.offset, scanWindow)
	if err != nil {
		// The log is for display: a phase that cannot be read is the one last seen.
		return l.scanner.phase
	}
	if from != l.offset {
		l.scanner.skip()
	}
	l.offset = from + int64(len(data))
	l.scanner.feed(data)
	return l.scanner.phase
}

// tail returns the last n lines, oldest first, fit for a terminal.
func (l *serverLog) tail(n int) []string {
	data, from, err := readEnd(l.path, l.start, tailWindow)
	if err != nil {
		return nil
	}
	return lastLines(string(data), n, from > l.start)
}

// readEnd reads the file from offset from on, but no more than the last window bytes. It returns where the data begins.
func readEnd(path string, from int64, window int64) ([]byte, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	size := info.Size()
	if size < from {
		// Somebody emptied the file.
		from = 0
	}
	from = max(from, size-window)
	data := make([]byte, size-from)
	n, err := f.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return data[:n], from, nil
}

// lastLines returns the last n lines of text that have anything on them, as a terminal would show them: without colours, and
// of a line rewritten by carriage returns (a progress bar) only what was written last. cut says that text begins in the
// middle of a line, which is left out unless it is all there is.
func lastLines(text string, n int, cut bool) []string {
	if _, rest, found := strings.Cut(text, "\n"); cut && found && strings.TrimSpace(rest) != "" {
		text = rest
	}
	var lines []string
	for text != "" && len(lines) < n {
		i := strings.LastIndexByte(text, '\n')
		if line := clean(lastWritten(text[i+1:])); line != "" {
			lines = append(lines, abbreviate(line, maxLine))
		}
		text = text[:max(i, 0)]
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return lines
}

// lastWritten returns what is left of a line after its carriage returns.
func lastWritten(line string) string {
	line = strings.TrimRight(line, "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

// escapes are the terminal's control sequences: colours and movement (CSI), and titles (OSC).
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?`)

// clean makes text fit for a terminal and for JSON: valid UTF-8 in one line, no escapes, no control characters, no space at
// the end.
func clean(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, text)
	return strings.TrimRight(text, " ")
}

// abbreviate shortens text to about limit bytes by leaving out its middle.
func abbreviate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	head, tail := limit/2, len(text)-limit/2
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + " … " + text[tail:]
}
