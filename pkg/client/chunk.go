package client

import (
	"bytes"
	"encoding/json"
	"errors"
)

// chunk is what a client needs to know of one event's JSON.
type chunk struct {
	// tokens is true when the chunk has choices, which is what a chunk that carries tokens looks like; its text may be "".
	tokens bool
	finish string
	// stop is the raw stop_reason, nil for null and absent. decodeFast leaves it pointing into its input.
	stop  json.RawMessage
	usage usage
	// metrics is the raw metrics of the server, nil for null and absent. decodeFast leaves it pointing into its input.
	metrics json.RawMessage
	// failed is true for an error object; message is its text.
	failed  bool
	message string
}

// usage is the server's token count; set is false when the chunk has none.
type usage struct {
	set                        bool
	prompt, completion, cached count
}

// count is a number that may be absent.
type count struct {
	n   int
	set bool
}

func (c count) pointer() *int {
	if !c.set {
		return nil
	}
	return &c.n
}

// decodeChunk decodes the JSON of one event.
func decodeChunk(b []byte) (chunk, error) {
	if c, ok := decodeFast(b); ok {
		return c, nil
	}
	return decodeSlow(b)
}

// wireChunk is a chunk of any version: unset fields are null in some and absent in others, errors are flat or nested.
type wireChunk struct {
	Object  string          `json:"object"`
	Choices []wireChoice    `json:"choices"`
	Usage   *wireUsage      `json:"usage"`
	Metrics json.RawMessage `json:"metrics"`
	Error   json.RawMessage `json:"error"`
}

type wireChoice struct {
	FinishReason string          `json:"finish_reason"`
	StopReason   json.RawMessage `json:"stop_reason"`
}

type wireUsage struct {
	PromptTokens        *int `json:"prompt_tokens"`
	CompletionTokens    *int `json:"completion_tokens"`
	PromptTokensDetails struct {
		CachedTokens *int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// decodeSlow decodes any event by encoding/json: it is what decodeFast is held against.
func decodeSlow(b []byte) (chunk, error) {
	if trimmed := bytes.TrimLeft(b, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return chunk{}, errors.New("not a JSON object")
	}
	var w wireChunk
	if err := json.Unmarshal(b, &w); err != nil {
		return chunk{}, err
	}
	if w.Object == "error" || notNull(w.Error) != nil {
		return chunk{failed: true, message: serverMessage(b)}, nil
	}
	c := chunk{tokens: len(w.Choices) > 0, usage: w.Usage.decoded(), metrics: notNull(w.Metrics)}
	for _, choice := range w.Choices {
		if choice.FinishReason != "" {
			c.finish = choice.FinishReason
		}
		if stop := notNull(choice.StopReason); stop != nil {
			c.stop = stop
		}
	}
	return c, nil
}

func (w *wireUsage) decoded() usage {
	if w == nil {
		return usage{}
	}
	return usage{
		set:        true,
		prompt:     countOf(w.PromptTokens),
		completion: countOf(w.CompletionTokens),
		cached:     countOf(w.PromptTokensDetails.CachedTokens),
	}
}

func countOf(p *int) count {
	if p == nil {
		return count{}
	}
	return count{n: *p, set: true}
}

// notNull returns raw, or nil where it is absent or null: servers use both for the same.
func notNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	return raw
}
