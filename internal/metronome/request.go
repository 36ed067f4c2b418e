package metronome

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	// maxHead bounds the head of a request, in bytes, maxRequest all of it: a prompt of 131,072 ids has one megabyte.
	maxHead    = 64 << 10
	maxRequest = 64 << 20
	// readSize is how much is read of a connection at once, in bytes.
	readSize = 64 << 10
)

// request is one HTTP request that has been read whole.
type request struct {
	method, path string
	// id is the X-Request-Id, empty for none.
	id   string
	body []byte
	// last is true when the client wants the connection closed after the response.
	last bool
}

var headEnd = []byte("\r\n\r\n")

// parse takes a request from the front of what has been read of a connection, and returns how many bytes it has; 0 when there is
// more to come. The body is a part of b. An error is a request that no server can answer.
func parse(b []byte) (r request, n int, err error) {
	head := bytes.Index(b, headEnd)
	if head < 0 {
		if len(b) > maxHead {
			return r, 0, fmt.Errorf("reading a request: its head has more than %d bytes", maxHead)
		}
		return r, 0, nil
	}
	head += len(headEnd)
	src := bytes.NewReader(b[:head])
	h, err := http.ReadRequest(bufio.NewReaderSize(src, 1024))
	if err != nil {
		return r, 0, fmt.Errorf("reading a request: %w", err)
	}
	r = request{method: h.Method, path: h.URL.Path, id: h.Header.Get("X-Request-Id"), last: h.Close}
	if h.ContentLength < 0 {
		return parseChunked(r, b)
	}
	if h.ContentLength > maxRequest {
		return r, 0, fmt.Errorf("reading a request: its body has %d bytes; allowed %d", h.ContentLength, maxRequest)
	}
	n = head + int(h.ContentLength)
	if len(b) < n {
		return r, 0, nil
	}
	r.body = b[head:n]
	return r, n, nil
}

// trailerMissing is what net/http says of a body of which only the end of the trailer is to come; it has no other mark.
const trailerMissing = "http: unexpected EOF reading trailer"

// parseChunked takes a request whose length is told chunk by chunk.
func parseChunked(r request, b []byte) (request, int, error) {
	src := bytes.NewReader(b)
	buffered := bufio.NewReader(src)
	h, err := http.ReadRequest(buffered)
	if err == nil {
		r.body, err = io.ReadAll(h.Body)
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err != nil && err.Error() == trailerMissing:
		if len(b) > maxRequest {
			return r, 0, fmt.Errorf("reading a request: it has more than %d bytes", maxRequest)
		}
		return r, 0, nil
	case err != nil:
		return r, 0, fmt.Errorf("reading a request: %w", err)
	}
	return r, len(b) - src.Len() - buffered.Buffered(), nil
}
