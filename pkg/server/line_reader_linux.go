package server

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// lineReader reads lines from a descriptor and can tell whether it holds one back.
type lineReader struct {
	fd      int
	pending []byte
}

func newLineReader(fd int) *lineReader { return &lineReader{fd: fd} }

// buffered tells whether next would return without reading.
func (r *lineReader) buffered() bool { return bytes.IndexByte(r.pending, '\n') >= 0 }

// next returns the next line without its end. The error is io.EOF when there is none, be it that one was begun.
func (r *lineReader) next() ([]byte, error) {
	block := make([]byte, 64<<10)
	for {
		if line, rest, found := bytes.Cut(r.pending, []byte{'\n'}); found {
			r.pending = rest
			return line, nil
		}
		n, err := unix.Read(r.fd, block)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n == 0:
			return nil, io.EOF
		default:
			r.pending = append(r.pending, block[:n]...)
		}
	}
}
