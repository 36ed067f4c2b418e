package client

import (
	"encoding/json"
	"time"
)

// Request is one completion to send. Body is encoded before the clock starts (see EncodeCompletion).
type Request struct {
	// ID is sent as X-Request-Id.
	ID string
	// TraceParent is sent as the header traceparent (see TraceParent); empty for none.
	TraceParent string
	// Body is the JSON of the request.
	Body []byte
	// PromptTokens is the number of token ids in the prompt; usage.prompt_tokens must equal it.
	PromptTokens int
	// MaxTokens is the max_tokens in Body; usage.completion_tokens must not exceed it, and must equal it when the finish
	// reason is "length".
	MaxTokens int
	// MustReachMax is set when nothing may end the output early (ignore_eos without stop ids): fewer tokens are then a
	// token_count failure.
	MustReachMax bool
}

// Result is what one request gave. Instants are zero when they were not reached; all carry a monotonic reading.
type Result struct {
	// Sent is just before the first byte was written, Written when the whole request was, Headers when the response began.
	// FirstToken and LastToken are when the bytes came that completed the first and last chunk with choices, Done when those of
	// "data: [DONE]" came; of a failed request that did not get there, it is when it failed. What came is stamped by the kernel
	// where it gives stamps (Stats.Stamps), and else when this program had read it.
	Sent, Written, Headers, FirstToken, LastToken, Done time.Time
	// Status is the HTTP status, 0 when no response came.
	Status int
	// PromptTokens, CompletionTokens, CachedTokens are the server's usage; nil when it did not say.
	PromptTokens, CompletionTokens, CachedTokens *int
	FinishReason                                 string
	StopReason                                   json.RawMessage
	// Server is what the server itself said of the request's time; nil when it did not.
	Server *ServerTimings
	// Chunks is the number of chunks that carried tokens, ChunkDeltas the gaps between consecutive ones (Chunks − 1).
	Chunks      int
	ChunkDeltas []time.Duration
	// ChunkLags says of each chunk that carried tokens how long its bytes lay in the kernel before this program had them; nil
	// with user stamps.
	ChunkLags Lags
	// Coalesced counts the chunks that came out of the same read as the one before them, and so have its stamp.
	Coalesced int
	// ChunkTokens says how many tokens each chunk carried, where the server was asked for running counts
	// (Completion.RunningUsage) and gave them; nil elsewhere.
	ChunkTokens []int32
	// ErrorClass is empty for a success; Error is its text for people.
	ErrorClass ErrorClass
	Error      string
	// Resent is true when the request was sent again on a new connection because the server had closed the idle one before
	// a byte was written.
	Resent bool
}

// ErrorClass names why a request failed.
type ErrorClass string

// The classes of a failed request.
const (
	ErrConnect     ErrorClass = "connect"      // no connection, or it broke before a response began
	ErrHTTPStatus  ErrorClass = "http_status"  // any status but 200; Error has the server's message
	ErrStreamEvent ErrorClass = "stream_error" // an error event inside a 200 stream
	ErrCutStream   ErrorClass = "cut_stream"   // the body ended, or broke, before "data: [DONE]"
	ErrNoFinish    ErrorClass = "no_finish"    // [DONE] came, but no finish reason
	ErrNoUsage     ErrorClass = "no_usage"     // [DONE] came, but no usage
	ErrTokenCount  ErrorClass = "token_count"  // usage does not fit what was sent or asked
	ErrAborted     ErrorClass = "aborted"      // finish reason abort or error: the server gave up
	ErrMalformed   ErrorClass = "malformed"    // not what the protocol allows: no SSE, broken JSON, an oversized line
	ErrCancelled   ErrorClass = "cancelled"    // we ended it: interrupt, or the server's process died
)
