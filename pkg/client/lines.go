package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// lineBuffer holds several ordinary events (about 290 bytes each) per stream.
	lineBuffer = 2 << 10
	// maxLine bounds one line: vLLM 0.10.2 to 0.11.0 send the whole prompt's ids in the first chunk.
	maxLine = 64 << 20
)

// errLineTooLong is a line beyond the limit; nothing sensible sends one.
var errLineTooLong = errors.New("line too long")

// lines cuts a body into lines, however the network split it.
type lines struct {
	r   io.Reader
	buf []byte
	// buf[start:end] is read and not yet returned; buf[start:seen] of it has no line feed.
	start, seen, end int
	limit            int
	// stamp tells of the read that has just returned; at is what it told for the line last returned.
	stamp func() arrival
	at    arrival
	err   error
}

func newLines(r io.Reader, buf []byte, limit int, stamp func() arrival) *lines {
	return &lines{r: r, buf: buf, limit: limit, stamp: stamp}
}

// next returns one line without its line feed (or carriage return and line feed). The line is valid until the next call.
// The error is io.EOF at the end of the body, errLineTooLong, or the reader's own; a last line that has no line feed is
// dropped, since an event that was not finished was never sent.
func (l *lines) next() ([]byte, error) {
	for {
		if i := bytes.IndexByte(l.buf[l.seen:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.seen+i]
			l.start = l.seen + i + 1
			l.seen = l.start
			if len(line) > l.limit {
				return nil, l.tooLong()
			}
			return bytes.TrimSuffix(line, []byte{'\r'}), nil
		}
		l.seen = l.end
		if l.end-l.start > l.limit {
			return nil, l.tooLong()
		}
		if l.err != nil {
			return nil, l.err
		}
		l.fill()
	}
}

// fill makes room and reads once.
func (l *lines) fill() {
	if l.start > 0 && (l.start == l.end || l.end == len(l.buf)) {
		copy(l.buf, l.buf[l.start:l.end])
		l.seen, l.end, l.start = l.seen-l.start, l.end-l.start, 0
	}
	if l.end == len(l.buf) {
		l.buf = append(l.buf, make([]byte, max(len(l.buf), lineBuffer))...)
	}
	// A reader may return nothing without an error; a hundred times in a row is a broken one (as bufio holds it).
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		if n > 0 {
			l.at = l.stamp()
			l.end += n
		}
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}

func (l *lines) tooLong() error {
	return fmt.Errorf("%w: more than %d bytes", errLineTooLong, l.limit)
}
