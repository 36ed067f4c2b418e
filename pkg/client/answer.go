package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// errMalformed is a body that no server of this protocol sends.
var errMalformed = errors.New("malformed stream")

// maxChunks is for how many chunks room is made at once; longer outputs grow as they come.
const maxChunks = 2048

// answer is what has been understood of one event stream.
type answer struct {
	res *Result
	// expect is the max_tokens of the request.
	expect int
	// tokens counts token-carrying chunks for whoever watches; nil for nobody.
	tokens *atomic.Int64
	events int
	// lags is set when the lag of each chunk is kept.
	lags bool
	// lastRead is the read of the chunk with tokens before, counted how many tokens the server had counted by then, where it says.
	lastRead int64
	counted  int
	// done is true when "data: [DONE]" came.
	done bool
	// failed is true when an error event came; message is the first one's text.
	failed  bool
	message string
}

// read takes lines until [DONE] or an error: io.EOF, the reader's own, errLineTooLong or errMalformed.
func (a *answer) read(l *lines) error {
	for !a.done {
		line, err := l.next()
		if err != nil {
			return err
		}
		if err := a.line(line, l.at); err != nil {
			return err
		}
	}
	return nil
}

// line takes one line of the stream. Each data line is a whole message, so the blank line after it need not be waited for.
func (a *answer) line(line []byte, at arrival) error {
	if len(line) == 0 || line[0] == ':' {
		return nil
	}
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return otherField(line)
	}
	data = bytes.TrimPrefix(data, []byte{' '})
	a.events++
	if string(data) == "[DONE]" {
		a.done = true
		a.res.Done = at.at
		return nil
	}
	c, err := decodeChunk(data)
	if err != nil {
		return fmt.Errorf("%w: event %d: %v: %q", errMalformed, a.events, err, clip(data))
	}
	a.chunk(c, at)
	return nil
}

// otherField allows the fields of an event stream that carry nothing for us.
func otherField(line []byte) error {
	name, _, _ := bytes.Cut(line, []byte{':'})
	switch string(name) {
	case "event", "id", "retry":
		return nil
	}
	return fmt.Errorf("%w: not a line of an event stream: %q", errMalformed, clip(line))
}

func (a *answer) chunk(c chunk, at arrival) {
	if c.failed {
		if !a.failed {
			a.failed, a.message = true, c.message
		}
		return
	}
	if c.tokens {
		a.token(at)
		a.count(c.usage)
	}
	if c.finish != "" {
		a.res.FinishReason = c.finish
	}
	if c.stop != nil {
		a.res.StopReason = bytes.Clone(c.stop)
	}
	if c.usage.set {
		a.res.PromptTokens = c.usage.prompt.pointer()
		a.res.CompletionTokens = c.usage.completion.pointer()
		a.res.CachedTokens = c.usage.cached.pointer()
	}
	if c.metrics != nil {
		a.res.Server = decodeTimings(c.metrics)
	}
}

// token takes a chunk that carries tokens.
func (a *answer) token(at arrival) {
	r := a.res
	if r.Chunks == 0 {
		r.FirstToken = at.at
		a.makeRoom()
	} else {
		r.ChunkDeltas = append(r.ChunkDeltas, at.at.Sub(r.LastToken))
		if at.read == a.lastRead {
			r.Coalesced++
		}
	}
	if a.lags {
		r.ChunkLags = append(r.ChunkLags, microseconds(at.lag))
	}
	r.LastToken, a.lastRead = at.at, at.read
	r.Chunks++
	if a.tokens != nil {
		a.tokens.Add(1)
	}
}

// makeRoom makes room for what is kept of each chunk.
func (a *answer) makeRoom() {
	n := min(max(a.expect, 1), maxChunks)
	if n > 1 {
		a.res.ChunkDeltas = make([]time.Duration, 0, n-1)
	}
	if a.lags {
		a.res.ChunkLags = make(Lags, 0, n)
	}
}

// count takes the running count of a chunk that carries tokens: what it has grown by is what the chunk carried. A server that
// was not asked for counts, or does not know them in a chunk, leaves all of them unknown.
func (a *answer) count(u usage) {
	r := a.res
	if !u.completion.set || len(r.ChunkTokens) != r.Chunks-1 {
		r.ChunkTokens = nil
		return
	}
	if r.ChunkTokens == nil {
		r.ChunkTokens = make([]int32, 0, min(max(a.expect, 1), maxChunks))
	}
	r.ChunkTokens = append(r.ChunkTokens, int32(u.completion.n-a.counted))
	a.counted = u.completion.n
}

// settle makes the watcher's count agree with the server's own, which knows how many tokens the chunks held.
func (a *answer) settle() {
	if a.tokens != nil {
		a.tokens.Add(int64(*a.res.CompletionTokens - a.res.Chunks))
	}
}

// ended tells a body that ended by itself from one that broke.
func ended(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }
