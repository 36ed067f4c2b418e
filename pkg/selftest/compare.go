package selftest

import (
	"math"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/metronome"
	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// comparison is what records and truth say of the same tokens.
type comparison struct {
	events, failed, lost, extra int
	failure                     string
	coalesced                   int
	// The samples, in microseconds: errors as absolute values, lags as they are.
	itlErrors, ttftErrors, scheduleLags, clientLags, serverLate []float64
	// The times themselves, in milliseconds, as the client saw them and as they were.
	seenITL, trueITL, seenTTFT, trueTTFT []float64
	// perSecond is how many tokens were sent a second.
	perSecond float64
	buffered  int
}

// compare joins records and truth by request id; start is what CLOCK_MONOTONIC, by which the metronome stamps, read when the pass
// began. A request whose number of tokens differs is counted and otherwise left out: which of its tokens are the same is not known.
func compare(records []bench.Record, truth []*metronome.Request, start int64) *comparison {
	c := &comparison{perSecond: plateau(truth)}
	sent := make(map[string]*metronome.Request, len(truth))
	for _, r := range truth {
		sent[r.ID] = r
		c.addTruth(r)
	}
	for i := range records {
		r := &records[i]
		c.addRecord(r)
		t := sent[r.RequestID]
		delete(sent, r.RequestID)
		if t == nil {
			c.extra += r.Chunks
			continue
		}
		c.lost += max(len(t.SentNS)-r.Chunks, 0)
		c.extra += max(r.Chunks-len(t.SentNS), 0)
		if r.Chunks == len(t.SentNS) && r.Chunks > 0 && r.OK() {
			c.join(r, t, start)
		}
	}
	for _, t := range sent {
		c.lost += len(t.SentNS)
	}
	return c
}

func (c *comparison) addTruth(r *metronome.Request) {
	c.buffered += r.Buffered
	for _, late := range r.LateNS {
		c.serverLate = append(c.serverLate, float64(late)/1e3)
	}
}

func (c *comparison) addRecord(r *bench.Record) {
	c.events += r.Chunks
	c.coalesced += r.Coalesced
	if !r.OK() {
		if c.failed++; c.failed == 1 {
			c.failure = string(r.ErrorClass) + ": " + r.Error
		}
	}
	if r.SentNS != nil {
		c.scheduleLags = append(c.scheduleLags, float64(*r.SentNS-r.DueNS)/1e3)
	}
	for _, lag := range r.ChunkLagsUS {
		if lag >= 0 {
			c.clientLags = append(c.clientLags, float64(lag))
		}
	}
}

// join compares a request that came whole, token by token.
func (c *comparison) join(r *bench.Record, t *metronome.Request, start int64) {
	c.ttftErrors = append(c.ttftErrors, math.Abs(float64(start+*r.FirstTokenNS-t.SentNS[0]))/1e3)
	c.trueTTFT = append(c.trueTTFT, float64(t.SentNS[0]-t.ReceivedNS)/1e6)
	if r.SentNS != nil {
		c.seenTTFT = append(c.seenTTFT, float64(*r.FirstTokenNS-*r.SentNS)/1e6)
	}
	for i, us := range r.ChunkDeltasUS {
		gap := float64(t.SentNS[i+1]-t.SentNS[i]) / 1e3
		c.itlErrors = append(c.itlErrors, math.Abs(float64(us)-gap))
		c.seenITL = append(c.seenITL, float64(us)/1e3)
		c.trueITL = append(c.trueITL, gap/1e3)
	}
}

// plateau is how many tokens a second were sent while all streams ran: between the last stream's first token and the first one's
// last token. It is 0 when they never did.
func plateau(truth []*metronome.Request) float64 {
	var from, to int64
	for _, r := range truth {
		if n := len(r.SentNS); n > 0 {
			from = max(from, r.SentNS[0])
			if to == 0 || r.SentNS[n-1] < to {
				to = r.SentNS[n-1]
			}
		}
	}
	if to <= from {
		return 0
	}
	count := 0
	for _, r := range truth {
		for _, at := range r.SentNS {
			if at > from && at <= to {
				count++
			}
		}
	}
	return float64(count) / time.Duration(to-from).Seconds()
}
