package server

import (
	"bytes"
	"io"
)

// Bounds on what is read of a log in search of a cause, in bytes.
const (
	// searchWindow is how much is searched at the beginning and again at the end; between them only lines are counted.
	searchWindow = 8 << 20
	// searchLine is how much of a line is searched. A carriage return ends a line as well, for this purpose.
	searchLine = 8 << 10
	// shortestLine is the length below which no line can tell of a cause; a log of nothing but such lines costs little.
	shortestLine = 8
	// causeTail is how much of the end is searched for the last lines to show.
	causeTail = 64 << 10
	readChunk = 64 << 10
)

// extent returns the current position of log and where it ends now. Without a log, or one that cannot tell, both are 0.
func extent(log io.ReadSeeker) (start, end int64) {
	if log == nil {
		return 0, 0
	}
	start, err := log.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, 0
	}
	if end, err = log.Seek(0, io.SeekEnd); err != nil {
		return 0, 0
	}
	if _, err = log.Seek(start, io.SeekStart); err != nil {
		return 0, 0
	}
	return start, max(start, end)
}

// readLines reads size bytes of log and hands the searched parts on, line by line.
func readLines(log io.Reader, size int64, each func(number int, line []byte)) {
	lines := lineSplitter{number: 1, each: each}
	buf := make([]byte, readChunk)
	headEnd, tailStart := int64(searchWindow), size-searchWindow
	for at := int64(0); at < size; {
		// No chunk spans the border of a window.
		want := size - at
		skip := at >= headEnd && at < tailStart
		switch {
		case skip:
			want = tailStart - at
		case at < headEnd && headEnd < tailStart:
			want = headEnd - at
		}
		n, err := log.Read(buf[:min(want, readChunk)])
		if skip {
			lines.skip(buf[:n])
		} else {
			lines.feed(buf[:n])
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	lines.flush()
}

// lineSplitter cuts what it is fed into lines.
type lineSplitter struct {
	// line is the beginning of the current line, up to searchLine; number that of the line by newlines alone, from 1.
	line   []byte
	number int
	// cut says that the current line's beginning was left out, so it must not be taken for one.
	cut  bool
	each func(number int, line []byte)
}

func (s *lineSplitter) feed(data []byte) {
	for {
		line, rest, found := bytes.Cut(data, []byte{'\n'})
		s.pieces(line)
		if !found {
			return
		}
		s.flush()
		s.number++
		data = rest
	}
}

// pieces takes in data without a newline.
func (s *lineSplitter) pieces(data []byte) {
	for {
		piece, rest, found := bytes.Cut(data, []byte{'\r'})
		s.line = append(s.line, piece[:min(len(piece), searchLine-len(s.line))]...)
		if !found {
			return
		}
		s.flush()
		data = rest
	}
}

// skip leaves data out, but counts its lines.
func (s *lineSplitter) skip(data []byte) {
	s.flush()
	s.number += bytes.Count(data, []byte{'\n'})
	if len(data) > 0 {
		s.cut = data[len(data)-1] != '\n'
	}
}

// flush ends the current line.
func (s *lineSplitter) flush() {
	if len(s.line) > 0 && !s.cut {
		s.each(s.number, s.line)
	}
	s.line, s.cut = s.line[:0], false
}

// lastLogged returns the last lines between two positions of the log, fit for a terminal.
func lastLogged(log io.ReadSeeker, start, end int64) []string {
	from := max(start, end-causeTail)
	if log == nil || end <= start {
		return nil
	}
	if _, err := log.Seek(from, io.SeekStart); err != nil {
		return nil
	}
	data, _ := io.ReadAll(io.LimitReader(log, end-from))
	return lastLines(string(data), errorLines, from > start)
}
