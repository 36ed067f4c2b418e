package bench

import (
	"encoding/json"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// Record is everything that is known of one measured request: one line of records.jsonl.
//
// Every *NS field is an offset in nanoseconds from the start of the pass, by the client's monotonic clock; a nil pointer
// means that the instant was never reached. A request succeeded if and only if ErrorClass is empty.
type Record struct {
	// Schema is the version of this format, RecordSchema; 0 stands for version 1, whose records do not say it.
	Schema int `json:"schema,omitempty"`
	// Index is the row of the prompt in the data set, from 0.
	Index int `json:"index"`
	// RequestID was sent as X-Request-Id; the server's own id is "cmpl-" + RequestID.
	RequestID string `json:"request_id"`
	// TraceID is the trace id that was sent in the header traceparent; empty for none.
	TraceID string `json:"trace_id,omitempty"`
	// PromptTokensSent is the length of the prompt that was sent, in token ids.
	PromptTokensSent int `json:"prompt_tokens_sent"`
	// MaxTokens is the max_tokens of the request.
	MaxTokens int `json:"max_tokens"`

	// ScheduledNS is when the schedule wanted the request sent.
	ScheduledNS int64 `json:"scheduled_ns"`
	// DueNS is the later of ScheduledNS and the moment the concurrency bound let the request go; sent − due is the
	// client's own lateness.
	DueNS int64 `json:"due_ns"`
	// SentNS is just before the first byte was written.
	SentNS *int64 `json:"sent_ns,omitempty"`
	// WrittenNS is when the whole request was written.
	WrittenNS *int64 `json:"written_ns,omitempty"`
	// HeadersNS is when the response's header came.
	HeadersNS *int64 `json:"headers_ns,omitempty"`
	// FirstTokenNS is when the first chunk that carries a token came: by the kernel's receive stamp, where ChunkLagsUS has
	// one, and else when it was read. So it is with all that came.
	FirstTokenNS *int64 `json:"first_token_ns,omitempty"`
	// LastTokenNS is when the last chunk that carries a token came.
	LastTokenNS *int64 `json:"last_token_ns,omitempty"`
	// DoneNS is when the response was complete ("data: [DONE]") or failed.
	DoneNS *int64 `json:"done_ns,omitempty"`

	// Status is the HTTP status, 0 when no response came.
	Status int `json:"status,omitempty"`
	// PromptTokens, CompletionTokens and CachedTokens are the server's usage; nil when it did not say.
	PromptTokens     *int `json:"prompt_tokens,omitempty"`
	CompletionTokens *int `json:"completion_tokens,omitempty"`
	CachedTokens     *int `json:"cached_tokens,omitempty"`
	// FinishReason is stop, length, … as the server said; empty when it did not.
	FinishReason string `json:"finish_reason,omitempty"`
	// StopReason is the stop token id or string, as the server sent it.
	StopReason json.RawMessage `json:"stop_reason,omitempty"`
	// Server is what the server itself said of the request's time; nil when it did not.
	Server *client.ServerTimings `json:"server,omitempty"`
	// Chunks is the number of chunks that carried tokens.
	Chunks int `json:"chunks"`
	// ChunkDeltasUS are the gaps between consecutive token-carrying chunks in microseconds; Chunks − 1 values.
	ChunkDeltasUS []int64 `json:"chunk_deltas_us,omitempty"`
	// ChunkLagsUS says of each token-carrying chunk how long it lay in the kernel before the client had read it, in
	// microseconds: Chunks values, null for a chunk without a kernel stamp; absent with user stamps.
	ChunkLagsUS client.Lags `json:"chunk_lags_us,omitempty"`
	// Coalesced counts the token-carrying chunks that came out of the same read as the one before, and so have its stamp.
	Coalesced int `json:"coalesced,omitempty"`
	// ChunkTokens says how many tokens each chunk carried; absent where the server was not asked (load.chunk_usage).
	ChunkTokens []int32 `json:"chunk_tokens,omitempty"`

	// ErrorClass is empty for a success.
	ErrorClass client.ErrorClass `json:"error_class,omitempty"`
	// Error is the text for people.
	Error string `json:"error,omitempty"`
	// Resent is true when the request was sent a second time because the server had closed the idle connection before a
	// byte was written.
	Resent bool `json:"resent,omitempty"`
}

// RecordSchema is the version of the format of a record: 2 since what came is stamped by the kernel.
const RecordSchema = 2

// OK reports whether the request succeeded.
func (r *Record) OK() bool { return r.ErrorClass == "" }
