package metronome

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
)

// Request is what was really sent in answer to one request: a line of the truth file. Instants are readings of
// CLOCK_MONOTONIC, in nanoseconds: nobody sets it, and all processes of a machine share it.
type Request struct {
	// ID is the X-Request-Id of the request, or a number of the server's own after "metronome-" when it had none.
	ID string
	// PromptTokens and MaxTokens are as the request had them.
	PromptTokens, MaxTokens int
	// ReceivedNS is when the request had been read whole.
	ReceivedNS int64
	// SentNS are the instants right before each event with a token was written; as many as were sent.
	SentNS []int64
	// LateNS are how long after it was due each of these events was sent, in nanoseconds.
	LateNS []int32
	// Buffered is how many of these events the socket did not take when they were due, because the reader was slow.
	Buffered int
	// Cut is true when the stream did not get to its end: the client left, or the server was stopped.
	Cut bool
}

// requestLine is a Request in the truth file: stamps as the first one and the differences between neighbours.
type requestLine struct {
	ID           string  `json:"request_id"`
	PromptTokens int     `json:"prompt_tokens"`
	MaxTokens    int     `json:"max_tokens"`
	ReceivedNS   int64   `json:"received_ns"`
	SentNS       int64   `json:"sent_ns,omitempty"`
	DeltasNS     []int64 `json:"deltas_ns,omitempty"`
	LateNS       []int32 `json:"late_ns,omitempty"`
	Buffered     int     `json:"buffered,omitempty"`
	Cut          bool    `json:"cut,omitempty"`
}

// MarshalJSON writes a line of the truth file.
func (r *Request) MarshalJSON() ([]byte, error) {
	l := requestLine{ID: r.ID, PromptTokens: r.PromptTokens, MaxTokens: r.MaxTokens, ReceivedNS: r.ReceivedNS,
		LateNS: r.LateNS, Buffered: r.Buffered, Cut: r.Cut}
	for i, at := range r.SentNS {
		if i == 0 {
			l.SentNS = at
			continue
		}
		l.DeltasNS = append(l.DeltasNS, at-r.SentNS[i-1])
	}
	return json.Marshal(l)
}

// UnmarshalJSON reads a line of the truth file.
func (r *Request) UnmarshalJSON(text []byte) error {
	var l requestLine
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	*r = Request{ID: l.ID, PromptTokens: l.PromptTokens, MaxTokens: l.MaxTokens, ReceivedNS: l.ReceivedNS, LateNS: l.LateNS,
		Buffered: l.Buffered, Cut: l.Cut}
	if l.SentNS == 0 {
		return nil
	}
	r.SentNS = append(make([]int64, 0, len(l.DeltasNS)+1), l.SentNS)
	for i, d := range l.DeltasNS {
		r.SentNS = append(r.SentNS, r.SentNS[i]+d)
	}
	return nil
}

// note takes down an event that is about to be written.
func (r *Request) note(at, late int64) {
	r.SentNS = append(r.SentNS, at)
	r.LateNS = append(r.LateNS, int32(min(late, math.MaxInt32)))
}

// WriteTruth writes the truth file: a line of JSON for each request, in the order in which they came.
func WriteTruth(w io.Writer, requests []*Request) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	for _, r := range requests {
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("writing the truth: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing the truth: %w", err)
	}
	return nil
}

// ReadTruth reads a truth file.
func ReadTruth(r io.Reader) ([]*Request, error) {
	var requests []*Request
	for dec := json.NewDecoder(r); ; {
		one := new(Request)
		err := dec.Decode(one)
		if errors.Is(err, io.EOF) {
			return requests, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the truth, request %d: %w", len(requests)+1, err)
		}
		requests = append(requests, one)
	}
}

// ledger keeps the truth of every request.
type ledger struct {
	mu       sync.Mutex
	requests []*Request
}

func (l *ledger) add(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
}

// all is to be called when nothing is sent any more.
func (l *ledger) all() []*Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}
