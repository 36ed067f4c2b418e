package client

import (
	"encoding/json"
	"strconv"
)

// Completion is one request to /v1/completions, before encoding.
type Completion struct {
	// Model is a name the server answers to.
	Model string
	// Prompt is one prompt, as token ids.
	Prompt []int32
	// MaxTokens bounds the output, in tokens.
	MaxTokens int
	// IgnoreEOS makes the server generate on past the end-of-sequence token.
	IgnoreEOS bool
	// StopTokenIDs end the output in addition to the end-of-sequence token; none leaves the field out.
	StopTokenIDs []int
	// RunningUsage asks for the token counts in every chunk, and not only at the end: a chunk that carries several tokens then
	// says so. It costs the server a little for each chunk.
	RunningUsage bool
}

// EncodeCompletion returns the JSON body of a greedy streaming request with usage in the last chunk.
//
// Note: every field is one that vLLM 0.6.3 knows, because that version answers 400 to an unknown one; and what later
// versions changed the default of (both stream options, temperature) is always stated.
func EncodeCompletion(c Completion) []byte {
	// A string always has a JSON form: invalid UTF-8 is replaced, nothing else can go wrong.
	model, _ := json.Marshal(c.Model)
	b := make([]byte, 0, encodedSize(c, len(model)))
	b = append(b, `{"model":`...)
	b = append(b, model...)
	b = append(b, `,"prompt":[`...)
	b = appendInts(b, c.Prompt)
	b = append(b, `],"max_tokens":`...)
	b = strconv.AppendInt(b, int64(c.MaxTokens), 10)
	b = append(b, `,"temperature":0,"top_p":1,"ignore_eos":`...)
	b = strconv.AppendBool(b, c.IgnoreEOS)
	if len(c.StopTokenIDs) > 0 {
		b = append(b, `,"stop_token_ids":[`...)
		b = appendInts(b, c.StopTokenIDs)
		b = append(b, ']')
	}
	b = append(b, `,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":`...)
	return append(strconv.AppendBool(b, c.RunningUsage), "}}"...)
}

func appendInts[T int | int32](b []byte, ids []T) []byte {
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return b
}

// encodedSize is an upper bound that is close: all bodies of a pass are in memory at once, so slack adds up.
func encodedSize(c Completion, model int) int {
	const fixed = 256
	size := fixed + model + 21*len(c.StopTokenIDs)
	for _, id := range c.Prompt {
		size += decimalSize(id) + 1
	}
	return size
}

func decimalSize(n int32) int {
	size := 1
	if n < 0 {
		size++
	}
	for n /= 10; n != 0; n /= 10 {
		size++
	}
	return size
}
