package simulator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// completion is one request for a completion while it is served. Its goroutine owns it.
type completion struct {
	server  *server
	request *completionRequest
	number  int    // among the completion requests of the launch, from 0
	id      string // without the prefix cmpl-
	model   string
	arrival time.Time
	// parent is the header traceparent.
	parent string
	faults faultPlan

	outbox    *outbox
	sequences []*sequence
	views     []view // of the sequences, in the same order
	open      int    // sequences that go on
	sent      int    // tokens passed on so far
	tokenAt   []time.Time
	// endedBy is the fault that cut the response short, "" for none; broken means that the connection breaks off as well, ending
	// that it does so with the end of the process, and not before.
	endedBy faultName
	broken  bool
	ending  bool
}

// view is what the completion has been told of a sequence. While the sequence runs the rest of it belongs to the engine.
type view struct {
	started bool // the stamps up to the first token, and the cached tokens, may be read
	tokens  int
	last    time.Time
	reason  finishReason
}

// observe takes note of an event.
func (c *completion) observe(e event) {
	v := &c.views[e.seq.index]
	v.started, v.reason = true, e.reason
	if e.reason != "" {
		c.open--
	}
	if e.token < 0 {
		return
	}
	v.tokens++
	v.last = e.at
	c.sent++
	if c.server.options.truthTokens {
		c.tokenAt = append(c.tokenAt, e.at)
	}
}

// stamps are the instants of a sequence as far as they are known here.
func (c *completion) stamps(i int) stamps {
	if !c.views[i].started {
		return stamps{}
	}
	t := &c.sequences[i].stamps // not copied as a whole: the engine may be writing lastToken
	return stamps{t.queued, t.scheduled, t.firstToken, c.views[i].last}
}

// serveCompletion answers POST /v1/completions.
func (s *server) serveCompletion(w http.ResponseWriter, r *http.Request) {
	arrival := time.Now()
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.active.Done()
	number := int(s.completions.Add(1) - 1)
	body, apiErr := readJSONBody(w, r)
	if apiErr != nil {
		writeError(w, apiErr)
		return
	}
	request, apiErr := parseCompletion(body, s.options.facts.vocab)
	if apiErr == nil {
		apiErr = s.checkModel(request.model)
	}
	if apiErr == nil {
		apiErr = request.check(s.options)
	}
	if apiErr != nil {
		writeError(w, apiErr)
		return
	}
	c := &completion{server: s, request: request, number: number, arrival: arrival, outbox: newOutbox()}
	c.model = s.options.servedNames[0]
	if s.isAdapter(request.model) {
		c.model = request.model
	}
	c.parent = r.Header.Get("traceparent")
	c.id = requestID(r.Header.Get("X-Request-Id"), request.requestID)
	if s.options.requestIDHeaders {
		w.Header().Set("X-Request-Id", c.id)
	}
	c.faults = s.plan.ofRequest(number, c.id, arrival.Sub(s.readyAt))
	c.serve(w, r)
}

// readJSONBody reads the whole body of a request that must be declared as JSON.
func readJSONBody(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	media, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	if media != "application/json" {
		return nil, unsupportedMedia()
	}
	const limit = 256 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, badRequest("the simulator takes bodies of up to %d bytes", limit)
	case err != nil:
		return nil, badRequest("There was an error parsing the body")
	}
	return body, nil
}

func requestID(header, field string) string {
	switch {
	case header != "":
		return header
	case field != "":
		return field
	}
	return randomID()
}

// randomID is 16 hexadecimal digits, as vLLM makes them up.
func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// serve answers a request that has passed all checks but those of the engine.
func (c *completion) serve(w http.ResponseWriter, r *http.Request) {
	if c.faults.find(faultHTTP500, phaseServing) != nil {
		writeError(w, internalError("Internal server error"))
		c.record()
		return
	}
	apiErr := c.request.checkEngine(c.server.options)
	if apiErr == nil {
		c.submit()
	}
	if c.request.stream {
		c.serveStream(w, r.Context(), apiErr)
		return
	}
	if apiErr != nil {
		writeError(w, apiErr)
		return
	}
	c.serveWhole(w, r.Context())
}

// submit makes the sequences, n for each prompt, and hands them to the engine.
func (c *completion) submit() {
	o, q := c.server.options, c.request
	rules := stopRules{stopIDs: q.stopIDs, minTokens: q.minTokens}
	if !q.ignoreEOS {
		rules.eos = o.facts.eos
		rules.stopIDs = append(append([]int32{}, q.stopIDs...), o.facts.extraEOS...)
	}
	for _, prompt := range q.prompt.ids {
		for copyNumber := range q.n {
			seed := mix(hashTokens(uint64(copyNumber), prompt))
			c.sequences = append(c.sequences, &sequence{
				index: len(c.sequences), prompt: prompt, maxTokens: c.outputLimit(len(prompt)), rules: rules,
				gen: newGenerator(seed, o.facts.vocab, rules, o.outputLen), salt: hashText(q.salt), priority: q.priority,
				outbox: c.outbox, arrival: c.arrival, traced: c.traced(len(c.sequences)),
			})
		}
	}
	c.views = make([]view, len(c.sequences))
	c.open = len(c.sequences)
	if !c.server.engine.submit(c.sequences...) {
		for _, seq := range c.sequences {
			c.outbox.put(event{seq, -1, finishAbort, time.Now()})
		}
	}
}

// outputLimit is the max_tokens of the engine: that of the request, bent by the fault truncate.
func (c *completion) outputLimit(promptLen int) int {
	limit := c.request.outputLimit(promptLen, c.server.options.maxModelLen)
	if f := c.faults.find(faultTruncate, phaseServing); f != nil {
		limit = min(limit, max(f.tokens, 1))
	}
	return limit
}

// traced is what the span of a sequence needs; nil when the request has none.
func (c *completion) traced(index int) *tracedRequest {
	if c.server.engine.traces == nil {
		return nil
	}
	context, sampled := parseTraceParent(c.parent)
	if !sampled {
		return nil
	}
	return &tracedRequest{context: context, id: fmt.Sprintf("cmpl-%s-%d", c.id, index), topP: c.request.topP, n: c.request.n}
}

// errEngineDead ends a completion whose engine has died.
var errEngineDead = errors.New("the engine is dead")

// wait returns the next events, or an error: that of the context when the client has gone, or errEngineDead.
func (c *completion) wait(ctx context.Context, buffer []event) ([]event, error) {
	dead := c.server.condition.dead
	if dead.isSet() {
		return nil, errEngineDead
	}
	select {
	case <-c.outbox.ready:
		return c.outbox.take(buffer), nil
	case <-dead.done:
		return nil, errEngineDead
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// act lets faults act on the process before an event is passed on, at the same point as due. An error means that the event must
// not be passed on: the server hangs (and the client has gone meanwhile) or the engine is dead.
func (c *completion) act(ctx context.Context, e event) error {
	for i := range c.faults {
		f := &c.faults[i]
		if f.kind.deed && c.reached(f, e) {
			c.server.do(f)
		}
	}
	if c.server.condition.dead.isSet() {
		return errEngineDead
	}
	if c.server.condition.hung.isSet() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// reached reports whether the request has had the tokens that the fault asks for or, if it gets fewer, all but the last one.
func (c *completion) reached(f *fault, e event) bool { return c.sent >= f.tokens || e.reason != "" }

// due returns the fault that strikes before this event is passed on, nil for none.
func (c *completion) due(e event) *fault {
	for i := range c.faults {
		f := &c.faults[i]
		if f.kind.cutting && c.reached(f, e) {
			return f
		}
	}
	return nil
}

// usage counts the tokens of the response, bent by the faults wrong-count and wrong-prompt-count.
func (c *completion) usage() usage {
	u := usage{completion: c.sent, details: c.server.options.promptDetails}
	for i, seq := range c.sequences {
		if i%c.request.n == 0 {
			u.prompt += len(seq.prompt)
		}
	}
	if c.views[0].started {
		u.cached = c.sequences[0].cached
	}
	if f := c.faults.find(faultWrongCount, phaseServing); f != nil {
		u.completion += f.by
	}
	if f := c.faults.find(faultWrongPrompt, phaseServing); f != nil {
		u.prompt += f.by
	}
	return u
}

// metrics is the metrics object, nil when it is off or the request has several outputs.
func (c *completion) metrics() *requestMetrics {
	if !c.server.options.perRequestMetrics || len(c.sequences) != 1 {
		return nil
	}
	return timings(c.stamps(0), c.views[0].tokens)
}

// record writes the line of the truth file once the last byte is out.
func (c *completion) record() {
	truth := c.server.truth
	if truth == nil {
		return
	}
	r := TruthRequest{
		RequestID: c.id, Number: c.number, ArrivalNS: truth.since(c.arrival), DoneNS: truth.since(time.Now()),
		Fault: strings.Join(c.faultNames(), ","), CompletionTokens: c.sent,
	}
	for i, seq := range c.sequences {
		if i%c.request.n == 0 {
			r.PromptTokens += len(seq.prompt)
		}
		t := c.stamps(i)
		r.FinishReason = string(c.views[i].reason)
		if c.views[i].started {
			r.CachedTokens += seq.cached
		}
		r.QueuedNS = earliest(r.QueuedNS, truth.since(t.queued))
		r.ScheduledNS = earliest(r.ScheduledNS, truth.since(t.scheduled))
		r.FirstTokenNS = earliest(r.FirstTokenNS, truth.since(t.firstToken))
		r.LastTokenNS = max(r.LastTokenNS, truth.since(t.lastToken))
	}
	previous := c.arrival
	for _, at := range c.tokenAt {
		r.TokenNS = append(r.TokenNS, int64(at.Sub(previous)))
		previous = at
	}
	truth.request(r)
}

// faultNames lists the faults that bent the response.
func (c *completion) faultNames() []string {
	var names []string
	for _, f := range c.faults {
		if f.kind.response && !f.kind.cutting {
			names = append(names, string(f.kind.name))
		}
	}
	if c.endedBy != "" {
		names = append(names, string(c.endedBy))
	}
	return names
}

// earliest is the smaller of two instants of which 0 means none.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
