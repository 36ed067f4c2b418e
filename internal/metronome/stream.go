package metronome

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/monotonic"
)

// server is what the ways of serving share.
type server struct {
	o       Options
	started time.Time
	// clock is what everything is scheduled and stamped by: CLOCK_MONOTONIC, in nanoseconds.
	clock monotonic.Clock
	truth ledger
	count atomic.Int64
}

// newServer's error is about the options, or that this system has no CLOCK_MONOTONIC.
func newServer(o Options) (*server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	clock, err := monotonic.New()
	if err != nil {
		return nil, err
	}
	return &server{o: o, started: time.Now(), clock: clock}, nil
}

// stream is a completion that is being sent.
type stream struct {
	completion
	truth    *Request
	id       string
	created  int64
	interval int64
	// due is when the next token is to be sent, by the server's clock.
	due int64
	// event is the chunk of a token that is not the last one.
	event []byte
	// last is true when the connection ends with the stream.
	last bool
}

// begin makes a stream of a request to /v1/completions that has just been read. The error is the request's fault.
func (s *server) begin(r request) (*stream, error) {
	now := s.clock.Now()
	c, err := decodeCompletion(r.body, s.o.Models)
	if err != nil {
		return nil, err
	}
	id := r.id
	if id == "" {
		id = "metronome-" + strconv.FormatInt(s.count.Add(1), 10)
	}
	st := &stream{completion: c, id: id, created: time.Now().Unix(), interval: int64(s.o.Interval), due: now + int64(s.o.TTFT), last: r.last}
	st.event = tokenEvent(id, c.model, st.created, "null")
	st.truth = &Request{ID: id, PromptTokens: c.promptTokens, MaxTokens: c.maxTokens, ReceivedNS: now, Cut: true,
		SentNS: make([]int64, 0, c.maxTokens), LateNS: make([]int32, 0, c.maxTokens)}
	s.truth.add(st.truth)
	return st, nil
}

// next is the token's chunk that is due, stamped with this instant; it is to be written at once, and is good until the next call.
// It also sets when the token after it is due: a late one does not delay those that follow.
func (st *stream) next(now int64) []byte {
	st.truth.note(now, now-st.due)
	st.due += st.interval
	event := st.event
	if st.done() {
		event = tokenEvent(st.id, st.model, st.created, `"length"`)
	}
	stamp(event, now)
	return event
}

// done tells whether all tokens have been sent.
func (st *stream) done() bool { return len(st.truth.SentNS) == st.maxTokens }

// end is what follows the last token, and the stream is at its end with it.
func (st *stream) end() []byte {
	st.truth.Cut = false
	if !st.usage {
		return streamEnd()
	}
	return slices.Concat(usageEvent(st.id, st.model, st.created, st.promptTokens, st.maxTokens), streamEnd())
}
