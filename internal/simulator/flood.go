package simulator

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// floodChunk is how much of a flood is written at once, in bytes.
const floodChunk = 64 << 10

// flood writes to the log what the fault asks for, at its rate and up to its total, until ctx ends.
func (l *launch) flood(ctx context.Context, f *fault) {
	text := l.floodText(f.kind.name)
	timer := time.NewTimer(0)
	defer timer.Stop()
	begin := time.Now()
	for written := int64(0); f.total == 0 || written < f.total; {
		timer.Reset(time.Until(begin.Add(time.Duration(float64(written) / float64(f.rate) * float64(time.Second)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		piece := text
		if left := f.total - written; f.total > 0 && left < int64(len(text)) {
			piece = text[:left-1] + text[len(text)-1:] // what follows begins on a line of its own, where there are lines
		}
		l.log.text(piece)
		written += int64(len(piece))
	}
}

// floodText is a chunk of a flood.
func (l *launch) floodText(name faultName) string {
	switch name {
	case faultLogNoNewline:
		return strings.Repeat("no newline ", floodChunk/len("no newline "))
	case faultLogInvalid:
		// Bytes that begin no character, a character cut short, an overlong one, a surrogate, a NUL and an escape sequence.
		line := "\xff\xfe\x80 \xe2\x82 \xc0\xaf \xed\xa0\x80 \x00 \x1b[31m \xf5\xf6\xf7\n"
		return strings.Repeat(line, floodChunk/len(line))
	}
	line := fmt.Sprintf("%s %s [flood.py:1] the log is flooded, and this line is one of very many that say nothing at all\n",
		l.log.prefix(fromEngine), stamp("DEBUG"))
	return strings.Repeat(line, floodChunk/len(line))
}
