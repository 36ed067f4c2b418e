package client

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sameChunk = cmp.AllowUnexported(chunk{}, usage{}, count{})

func set(n int) count { return count{n: n, set: true} }

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		fast       bool
		want       chunk
	}{
		{"token", `{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"a\n\"\u00e9\ud83d\ude00","logprobs":null,"finish_reason":null,"stop_reason":null}]}`, true, chunk{tokens: true}},
		{"no text", `{"choices":[{"text":""}]}`, true, chunk{tokens: true}},
		{"spaces", ` { "choices" : [ { "text" : "" , "finish_reason" : "length" } ] } `, true, chunk{tokens: true, finish: "length"}},
		{"last token", `{"choices":[{"text":"a","finish_reason":"stop","stop_reason":128009}],"usage":null}`, true, chunk{tokens: true, finish: "stop", stop: []byte("128009")}},
		{"other finish reason", `{"choices":[{"finish_reason":"repetition"}]}`, true, chunk{tokens: true, finish: "repetition"}},
		{"stop string", `{"choices":[{"stop_reason":"\u00e9"}]}`, true, chunk{tokens: true, stop: []byte(`"\u00e9"`)}},
		{"prompt ids", `{"choices":[{"prompt_token_ids":[1,2,3],"token_ids":[4]}]}`, true, chunk{tokens: true}},
		{"metrics object", `{"choices":[],"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2},"metrics":{"time_to_first_token_ms":1.5e-3,"Mean":-0.0}}`, true,
			chunk{usage: usage{set: true, prompt: set(7), completion: set(2)}, metrics: []byte(`{"time_to_first_token_ms":1.5e-3,"Mean":-0.0}`)}},
		{"metrics null", `{"metrics" : null , "choices":[]}`, true, chunk{}},
		{"metrics list", `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":5}},"metrics":[{"a":[true,false,null,{}]}]}`, true,
			chunk{usage: usage{set: true, prompt: set(7), completion: set(2), cached: set(5)}, metrics: []byte(`[{"a":[true,false,null,{}]}]`)}},
		{"nulls in usage", `{"choices":null,"usage":{"prompt_tokens":7,"completion_tokens":null,"prompt_tokens_details":null}}`, true, chunk{usage: usage{set: true, prompt: set(7)}}},
		{"error null", `{"error":null,"choices":[{}]}`, true, chunk{tokens: true}},
		{"empty", `{}`, true, chunk{}},

		{"nested error", `{"error":{"message":"no","code":400}}`, false, chunk{failed: true, message: "no"}},
		{"flat error", `{"object":"error","message":"no","code":400}`, false, chunk{failed: true, message: "no"}},
		{"error without message", `{"error":{"code":400}}`, false, chunk{failed: true, message: `{"code":400}`}},
		{"error number", `{"error":7}`, false, chunk{failed: true, message: "7"}},
		{"flat error without message", `{"object":"error"}`, false, chunk{failed: true, message: `{"object":"error"}`}},
		{"two choices", `{"choices":[{"finish_reason":"stop"},{"finish_reason":"length"}]}`, false, chunk{tokens: true, finish: "length"}},
		{"a choice that is null", `{"choices":[null]}`, false, chunk{tokens: true}},
		{"capital keys", `{"Choices":[{}]}`, false, chunk{tokens: true}},
		{"Kelvin sign", `{"usage":{"prompt_to` + "\u212a" + `ens":3}}`, false, chunk{usage: usage{set: true, prompt: set(3)}}},
		{"escaped key", `{"us\u0061ge":{"prompt_tokens":3}}`, false, chunk{usage: usage{set: true, prompt: set(3)}}},
		{"repeated key", `{"usage":{"prompt_tokens":3},"usage":{"prompt_tokens":4}}`, false, chunk{usage: usage{set: true, prompt: set(4)}}},
		{"escaped finish reason", `{"choices":[{"finish_reason":"st\u006fp"}]}`, false, chunk{tokens: true, finish: "stop"}},
		{"many digits", `{"usage":{"prompt_tokens":12345678901}}`, false, chunk{usage: usage{set: true, prompt: set(12345678901)}}},
		{"metrics twice", `{"metrics":{"a":1},"metrics":null}`, false, chunk{}},
		{"deep", `{"metrics":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, false,
			chunk{metrics: []byte(strings.Repeat("[", 40) + strings.Repeat("]", 40))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slow, err := decodeSlow([]byte(tt.json))
			if diff := cmp.Diff(tt.want, slow, sameChunk); diff != "" || err != nil {
				t.Errorf("slow: %v\n%s", err, diff)
			}
			fast, ok := decodeFast([]byte(tt.json))
			if ok != tt.fast {
				t.Fatalf("fast: taken %v, want %v", ok, tt.fast)
			}
			if diff := cmp.Diff(tt.want, fast, sameChunk); ok && diff != "" {
				t.Errorf("fast:\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `5`, `"x"`, `[]`, `{`, `{}}`, `{} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{a:1}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":-}`, `{"a":0x1}`, `{"a":nul}`, `{"a":True}`,
		`{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12`, "{\"a\":\"\x01\"}", `{"a":"b`, `{"a":"b\`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[`,
		`{"a":{"b":1]}`, `{"a":{"b" 1}}`, `{"a":{1:2}}`, `{"a":{"b":1`, `{"choices":{}}`, `{"choices":[1]}`, `{"choices":"x"}`, `{"choices":[{}`,
		`{"choices":[{"finish_reason":5}]}`, `{"object":5}`, `{"usage":[]}`, `{"usage":{"prompt_tokens":1.5}}`, `{"usage":{"prompt_tokens":"1"}}`,
		`{"usage":{"prompt_tokens_details":[]}}`, `{"usage":{"prompt_tokens_details":{"cached_tokens":1e2}}}`,
	} {
		if c, ok := decodeFast([]byte(text)); ok {
			t.Errorf("fast: %s: got %+v", text, c)
		}
		if c, err := decodeSlow([]byte(text)); err == nil {
			t.Errorf("slow: %s: got %+v", text, c)
		}
	}
}

func TestServerMessage(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"nested", `{"error":{"message":"m","type":"t","param":null,"code":400}}`, "m"},
		{"flat", `{"object":"error","message":"m","type":"t","param":null,"code":400}`, "m"},
		{"error text", `{"error":"m"}`, "m"},
		{"error without message", `{"error":{"code":1}}`, `{"code":1}`},
		{"error null, flat message", `{"error":null,"message":"m"}`, "m"},
		{"detail", `{"detail":"Not Found"}`, "Not Found"},
		{"detail list", `{"detail":[{"msg":"field required"}]}`, `[{"msg":"field required"}]`},
		{"unknown object", `{"x":1}`, `{"x":1}`},
		{"text", " Internal Server Error\n", "Internal Server Error"},
		{"empty", "", ""},
		{"bytes", "\xff\xfe", "\ufffd"},
		{"long", strings.Repeat("é", 600), strings.Repeat("é", 500) + "…"},
		{"long, cut in a rune", "a" + strings.Repeat("é", 600), "a" + strings.Repeat("é", 499) + "…"},
	} {
		if got := serverMessage([]byte(tt.body)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
