package bench

import (
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// job is one request with its place in the pass.
type job struct {
	req       *client.Request
	row       int
	scheduled time.Duration
	// due is the later of scheduled and the moment the slot was free.
	due time.Duration
}

// record turns a result into offsets from the start of the pass.
func (j job) record(start time.Time, r client.Result) Record {
	return Record{
		Schema:           RecordSchema,
		Index:            j.row,
		RequestID:        j.req.ID,
		TraceID:          j.req.TraceID(),
		PromptTokensSent: j.req.PromptTokens,
		MaxTokens:        j.req.MaxTokens,
		ScheduledNS:      j.scheduled.Nanoseconds(),
		DueNS:            j.due.Nanoseconds(),
		SentNS:           offset(start, r.Sent),
		WrittenNS:        offset(start, r.Written),
		HeadersNS:        offset(start, r.Headers),
		FirstTokenNS:     offset(start, r.FirstToken),
		LastTokenNS:      offset(start, r.LastToken),
		DoneNS:           offset(start, r.Done),
		Status:           r.Status,
		PromptTokens:     r.PromptTokens,
		CompletionTokens: r.CompletionTokens,
		CachedTokens:     r.CachedTokens,
		FinishReason:     r.FinishReason,
		StopReason:       r.StopReason,
		Server:           r.Server,
		Chunks:           r.Chunks,
		ChunkDeltasUS:    microseconds(r.ChunkDeltas),
		ChunkLagsUS:      r.ChunkLags,
		Coalesced:        r.Coalesced,
		ChunkTokens:      r.ChunkTokens,
		ErrorClass:       r.ErrorClass,
		Error:            r.Error,
		Resent:           r.Resent,
	}
}

// offset is nil for an instant that was not reached.
func offset(start, at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	ns := at.Sub(start).Nanoseconds()
	return &ns
}

// microseconds rounds where the chunks lie after the first one, not each gap: so the errors do not add up, and the gaps'
// sum is last token − first token.
func microseconds(gaps []time.Duration) []int64 {
	if len(gaps) == 0 {
		return nil
	}
	rounded := make([]int64, len(gaps))
	var at time.Duration
	var before int64
	for i, gap := range gaps {
		at += gap
		now := at.Round(time.Microsecond).Microseconds()
		rounded[i] = now - before
		before = now
	}
	return rounded
}
