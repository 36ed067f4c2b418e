package metronome

import (
	"fmt"
	"slices"
	"strconv"
)

// stampDigits is the room of a stamp; spaces fill it up.
const stampDigits = 19

// The end of a token's event: the stamp is the last member, so that it has its place from the end.
const afterStamp = "}\n\n\r\n"

// tokenEvent is the chunk of a response that carries one event as vLLM 0.32.0 sends it for a token, with room for the stamp: a
// member sent_ns that vLLM does not have. finish is the finish_reason in JSON.
func tokenEvent(id, model string, created int64, finish string) []byte {
	return chunked(fmt.Sprintf(`data: {"id":%s,"object":"text_completion","created":%d,"model":%s,"choices":[{"index":0,`+
		`"text":" the","logprobs":null,"finish_reason":%s,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}],`+
		`"sent_ns":%*d}`+"\n\n", quoted("cmpl-"+id), created, quoted(model), finish, stampDigits, 0))
}

// usageEvent is the chunk that tells the counts.
func usageEvent(id, model string, created int64, prompt, completion int) []byte {
	return chunked(fmt.Sprintf(`data: {"id":%s,"object":"text_completion","created":%d,"model":%s,"choices":[],`+
		`"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d}}`+"\n\n",
		quoted("cmpl-"+id), created, quoted(model), prompt, prompt+completion, completion))
}

// streamEnd is [DONE] and the end of the body.
func streamEnd() []byte {
	return slices.Concat(chunked("data: [DONE]\n\n"), []byte("0\r\n\r\n"))
}

// chunked frames a part of a body of unknown length.
func chunked(text string) []byte {
	b := strconv.AppendInt(make([]byte, 0, len(text)+16), int64(len(text)), 16)
	b = append(b, "\r\n"...)
	b = append(b, text...)
	return append(b, "\r\n"...)
}

// stamp puts a reading of CLOCK_MONOTONIC into a token's event, not earlier than the one that is there.
func stamp(event []byte, ns int64) {
	for i := len(event) - len(afterStamp) - 1; ns > 0; i-- {
		event[i] = byte('0' + ns%10)
		ns /= 10
	}
}
