package simulator

import (
	"sync"
	"time"
)

// finishReason says why an output ended, in vLLM's words.
type finishReason string

const (
	finishStop   finishReason = "stop"
	finishLength finishReason = "length"
	finishAbort  finishReason = "abort"
)

// sequence is one prompt on its way through the engine. The engine's goroutine owns everything below the first group; others
// may read it once the outbox has told the end.
type sequence struct {
	index     int // of the choice in the response
	prompt    []int32
	maxTokens int
	rules     stopRules
	gen       generator
	salt      uint64
	priority  int
	outbox    *outbox
	arrival   time.Time
	traced    *tracedRequest // nil for a request without a trace

	output []int32
	stamps stamps
	reason finishReason
	stopID int32 // with finishStop: the stop token, −1 for the end-of-sequence token
	blocks []*block
	hashes []uint64 // of the full blocks of prompt and output, as far as they were needed
	// published counts the blocks that have been made findable.
	published int
	done      int // tokens whose keys and values are computed
	cached    int // prompt tokens that came from the prefix cache
	external  int // of these, the ones that an earlier launch had kept
	preempt   int
	over      bool
}

// stamps are the instants of a sequence in the engine, zero when not reached.
type stamps struct {
	queued, scheduled, firstToken, lastToken time.Time
}

// total is the number of tokens of prompt and output so far.
func (s *sequence) total() int { return len(s.prompt) + len(s.output) }

// prefilling reports whether the sequence has prompt tokens to compute.
func (s *sequence) prefilling() bool { return s.done < len(s.prompt) }

// hashUpTo extends the hashes to n full blocks. Each hash covers everything before its block as well.
func (s *sequence) hashUpTo(n, blockSize int) []uint64 {
	for len(s.hashes) < n {
		h := s.salt
		if k := len(s.hashes); k > 0 {
			h = s.hashes[k-1]
		}
		for i := len(s.hashes) * blockSize; i < (len(s.hashes)+1)*blockSize; i++ {
			id := int32(0)
			if i < len(s.prompt) {
				id = s.prompt[i]
			} else {
				id = s.output[i-len(s.prompt)]
			}
			h = mix(h ^ uint64(uint32(id)))
		}
		s.hashes = append(s.hashes, h)
	}
	return s.hashes[:n]
}

// advance adds the next token of the output and decides whether it is the last.
func (s *sequence) advance(now time.Time) {
	token := s.gen.token(len(s.output))
	s.output = append(s.output, token)
	if len(s.output) == 1 {
		s.stamps.firstToken = now
	}
	s.stamps.lastToken = now
	if len(s.output) >= s.rules.minTokens && s.stops(token) {
		s.reason = finishStop
		return
	}
	if len(s.output) >= s.maxTokens {
		s.reason = finishLength
	}
}

func (s *sequence) stops(token int32) bool {
	for _, id := range s.rules.eos {
		if id == token {
			s.stopID = -1
			return true
		}
	}
	for _, id := range s.rules.stopIDs {
		if id == token {
			s.stopID = token
			return true
		}
	}
	return false
}

// event is one token of a sequence, or its end without one (token −1).
type event struct {
	seq    *sequence
	token  int32
	reason finishReason // of the last event of the sequence
	at     time.Time
}

// outbox carries the tokens of one request from the engine to the goroutine that writes the response.
type outbox struct {
	mu     sync.Mutex
	events []event
	// ready has room for one signal: there is something to take.
	ready chan struct{}
}

func newOutbox() *outbox { return &outbox{ready: make(chan struct{}, 1)} }

func (o *outbox) put(e event) {
	o.mu.Lock()
	o.events = append(o.events, e)
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// take moves everything that waits into the buffer, which it returns.
func (o *outbox) take(buffer []event) []event {
	o.mu.Lock()
	buffer = append(buffer[:0], o.events...)
	o.events = o.events[:0]
	o.mu.Unlock()
	return buffer
}
