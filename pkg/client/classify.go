package client

import (
	"errors"
	"fmt"
)

// outcome is how a request ended, beside what is in its Result and answer.
type outcome struct {
	// noResponse is why no response came; nil when one did.
	noResponse error
	// cause is why we ended the request; nil when we did not.
	cause error
	// refusal is the server's message for a status that is not 200, or for a body that is no event stream.
	refusal string
	// notStream is the content type of a 200 that is no event stream; empty when it is one.
	notStream string
	// end is how reading the stream ended; nil at [DONE].
	end error
}

// classify names what became of a request: "" and "" for a success. The first that holds decides, in this order: there is
// no response (cancelled, malformed, connect), the response is no stream (http_status, malformed), the server says that it
// failed (stream_error, aborted), the stream has no end (malformed, cancelled, cut_stream), something is missing in it
// (no_finish, no_usage), the counts do not fit (token_count). What the server says of itself thus comes before what
// follows from it.
func classify(req *Request, a *answer, o outcome) (ErrorClass, string) {
	switch {
	case o.noResponse != nil:
		return classifyNoResponse(a.res, o)
	case a.res.Status != 200:
		return ErrHTTPStatus, fmt.Sprintf("status %d: %s", a.res.Status, o.refusal)
	case o.notStream != "":
		return ErrMalformed, fmt.Sprintf("got content type %s, want text/event-stream: %s", o.notStream, o.refusal)
	case a.failed:
		return ErrStreamEvent, a.message
	case a.res.FinishReason == "abort" || a.res.FinishReason == "error":
		return ErrAborted, fmt.Sprintf("the server ended the output after %d chunks with finish reason %s", a.res.Chunks, a.res.FinishReason)
	case o.end != nil:
		return classifyEnd(a, o)
	case a.res.FinishReason == "":
		return ErrNoFinish, fmt.Sprintf("the stream ended after %d chunks without a finish reason", a.res.Chunks)
	case a.res.PromptTokens == nil || a.res.CompletionTokens == nil:
		return ErrNoUsage, "the stream ended without usage.prompt_tokens and usage.completion_tokens"
	}
	return classifyCounts(req, a.res)
}

func classifyNoResponse(r *Result, o outcome) (ErrorClass, string) {
	switch {
	case o.cause != nil:
		return ErrCancelled, o.cause.Error()
	case !r.Headers.IsZero() && !broke(o.noResponse):
		return ErrMalformed, fmt.Sprintf("not an HTTP response: %v", o.noResponse)
	case r.Sent.IsZero():
		return ErrConnect, o.noResponse.Error()
	}
	return ErrConnect, fmt.Sprintf("the connection broke before a response: %v", o.noResponse)
}

func classifyEnd(a *answer, o outcome) (ErrorClass, string) {
	switch {
	case errors.Is(o.end, errMalformed) || errors.Is(o.end, errLineTooLong):
		return ErrMalformed, o.end.Error()
	case o.cause != nil:
		return ErrCancelled, o.cause.Error()
	case ended(o.end):
		return ErrCutStream, fmt.Sprintf("the stream ended after %d chunks without data: [DONE]", a.res.Chunks)
	}
	return ErrCutStream, fmt.Sprintf("the stream broke after %d chunks: %v", a.res.Chunks, o.end)
}

func classifyCounts(req *Request, r *Result) (ErrorClass, string) {
	prompt, completion := *r.PromptTokens, *r.CompletionTokens
	exact := req.MustReachMax || r.FinishReason == "length"
	switch {
	case prompt != req.PromptTokens:
		return ErrTokenCount, fmt.Sprintf("usage.prompt_tokens is %d, sent %d", prompt, req.PromptTokens)
	case completion < 1 || completion > req.MaxTokens:
		return ErrTokenCount, fmt.Sprintf("usage.completion_tokens is %d, allowed 1 to %d", completion, req.MaxTokens)
	case exact && completion != req.MaxTokens:
		return ErrTokenCount, fmt.Sprintf("usage.completion_tokens is %d, want %d (finish reason %s)", completion, req.MaxTokens, r.FinishReason)
	}
	return "", ""
}
