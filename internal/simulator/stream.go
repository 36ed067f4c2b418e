package simulator

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const engineDead = "EngineCore encountered an issue. See stack trace (above) for the root cause."

var doneEvent = []byte("data: [DONE]\n\n")

// stream writes a completion as server-sent events, one flush for all that a step of the engine brought.
type stream struct {
	*completion
	w       http.ResponseWriter
	flusher *http.ResponseController
	encoder *chunkEncoder
	buf     []byte
	parts   []part // of the sequences, in the same order
}

// part is what a sequence has got since its last chunk.
type part struct {
	text   []byte
	ids    []int32
	chunks int
}

// serveStream answers with a stream. An error of the engine comes as an event, since the status is out by then.
func (c *completion) serveStream(w http.ResponseWriter, ctx context.Context, apiErr *apiError) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	s := &stream{completion: c, w: w, flusher: http.NewResponseController(w), parts: make([]part, len(c.sequences))}
	if apiErr != nil {
		s.buf = append(apiErr.event(), doneEvent...)
		s.flush()
		return
	}
	s.flush()
	s.encoder = newChunkEncoder("cmpl-"+c.id, c.model, time.Now().Unix(), c.server.options.fingerprint)
	err := s.run(ctx)
	if err != nil {
		c.server.engine.abort(c.sequences...)
	}
	if errors.Is(err, errEngineDead) {
		c.endedBy = faultEngineDead
		s.fail()
	}
	c.record()
	if c.broken {
		if c.ending {
			<-ctx.Done()
		}
		panic(http.ErrAbortHandler)
	}
}

func (s *stream) flush() {
	if len(s.buf) > 0 {
		_, _ = s.w.Write(s.buf) // a client that has gone ends the context
		s.buf = s.buf[:0]
	}
	_ = s.flusher.Flush()
}

// run passes events on until all sequences have ended; an error when the client has gone.
func (s *stream) run(ctx context.Context) error {
	var events []event
	for s.open > 0 {
		var err error
		if events, err = s.wait(ctx, events); err != nil {
			return err
		}
		for _, e := range events {
			if err := s.act(ctx, e); err != nil {
				return err
			}
			if f := s.due(e); f != nil {
				return s.strike(ctx, f, e)
			}
			s.observe(e)
			s.add(e)
		}
		if s.open == 0 {
			s.finish()
		}
		s.flush()
	}
	return nil
}

// add puts an event into the buffer, or keeps it for a later chunk when the stream interval asks for several tokens in one.
func (s *stream) add(e event) {
	p := &s.parts[e.seq.index]
	if e.token >= 0 {
		p.ids = append(p.ids, e.token)
		if e.reason != finishStop {
			p.text = append(p.text, tokenText(e.token)...)
		}
	}
	interval := max(s.request.streamInterval, s.server.options.streamInterval)
	if p.chunks > 0 && e.reason == "" && len(p.ids) < interval {
		return
	}
	c := chunk{index: e.seq.index, text: p.text, reason: e.reason, stopID: -1}
	if e.reason == finishStop {
		c.stopID = e.seq.stopID
	}
	if s.request.returnTokenIDs {
		c.ids = p.ids
		if p.chunks == 0 {
			c.promptIDs = e.seq.prompt
		}
	}
	if s.request.continuousUsage || s.server.options.forceUsage {
		c.usage = &usage{prompt: len(e.seq.prompt), completion: s.views[e.seq.index].tokens}
	}
	c.sign = e.reason != "" && !s.withUsage()
	s.buf = s.encoder.append(s.buf, c)
	p.chunks++
	p.text, p.ids = p.text[:0], p.ids[:0]
}

func (s *stream) withUsage() bool { return s.request.includeUsage || s.server.options.forceUsage }

// finish ends a stream that ran to its end.
func (s *stream) finish() {
	if s.withUsage() && s.faults.find(faultNoUsage, phaseServing) == nil {
		s.buf = s.encoder.appendLast(s.buf, s.usage(), s.metrics())
	}
	if s.faults.find(faultNoDone, phaseServing) == nil {
		s.buf = append(s.buf, doneEvent...)
	}
}

// fail ends the stream with an error event.
func (s *stream) fail() {
	s.buf = append(append(s.buf, internalError(engineDead).event()...), doneEvent...)
	s.flush()
}

// strike lets a fault end the stream before an event is passed on.
func (s *stream) strike(ctx context.Context, f *fault, e event) error {
	s.endedBy = f.kind.name
	s.server.engine.abort(s.sequences...)
	switch f.kind.name {
	case faultErrorEvent:
		s.fail()
	case faultStall:
		s.flush()
		<-ctx.Done()
		return ctx.Err()
	case faultAbort:
		aborted := event{e.seq, -1, finishAbort, e.at}
		s.observe(aborted)
		s.add(aborted)
		s.finish()
	default:
		s.broken = true
	}
	s.flush()
	if f.kind.ending != endNever {
		s.ending = true
		s.server.end(*f)
	}
	return nil
}
