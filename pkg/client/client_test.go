package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is what a Result says apart from instants.
type told struct {
	Class                      ErrorClass
	Error                      string
	Status, Chunks             int
	Prompt, Completion, Cached *int
	Finish, Stop               string
}

func tell(r Result) told {
	return told{
		Class: r.ErrorClass, Error: r.Error, Status: r.Status, Chunks: r.Chunks,
		Prompt: r.PromptTokens, Completion: r.CompletionTokens, Cached: r.CachedTokens,
		Finish: r.FinishReason, Stop: string(r.StopReason),
	}
}

func TestCompleteOnCapturedAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		most   int
		want   told
		tokens int64
	}{
		{"stream-1", 1, told{Status: 200, Chunks: 1, Prompt: intp(64), Completion: intp(1), Finish: "length"}, 1},
		{"stream-8", 8, told{Status: 200, Chunks: 8, Prompt: intp(64), Completion: intp(8), Finish: "length"}, 8},
		{"stream-32", 32, told{Status: 200, Chunks: 32, Prompt: intp(64), Completion: intp(32), Finish: "length"}, 32},
		{"stream-stop-token-ids", 64, told{Status: 200, Chunks: 1, Prompt: intp(64), Completion: intp(1), Finish: "stop", Stop: "446"}, 1},
		{"stream-continuous-usage", 8, told{Status: 200, Chunks: 8, Prompt: intp(64), Completion: intp(8), Finish: "length"}, 8},
		{"stream-return-token-ids", 8, told{Status: 200, Chunks: 8, Prompt: intp(64), Completion: intp(8), Finish: "length"}, 8},
		{"stream-no-usage", 8, told{Class: ErrNoUsage, Error: "the stream ended without usage.prompt_tokens and usage.completion_tokens", Status: 200, Chunks: 8, Finish: "length"}, 8},
		{"err-vocabulary", 8, told{Class: ErrStreamEvent, Error: "Token id 9999 is out of vocabulary", Status: 200}, 0},
		{"err-wrong-model", 8, told{Class: ErrHTTPStatus, Error: "status 404: The model `nobody` does not exist. Valid aliases: tiny-llama@wire-full.", Status: 404}, 0},
		{"err-content-type", 8, told{Class: ErrHTTPStatus, Error: "status 400: 1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed", Status: 400}, 0},
		{"err-garbage", 8, told{Class: ErrHTTPStatus, Error: "status 400: Invalid HTTP request received.", Status: 400}, 0},
		{"err-get-completions", 8, told{Class: ErrHTTPStatus, Error: "status 405: Method Not Allowed", Status: 405}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, tokens := complete(t, replay(t, captured(t, tt.name)), request(tt.most))
			if diff := cmp.Diff(tt.want, tell(got)); diff != "" {
				t.Error(diff)
			}
			if tokens != tt.tokens {
				t.Errorf("tokens: got %d, want %d", tokens, tt.tokens)
			}
			if len(got.ChunkDeltas) != max(got.Chunks-1, 0) {
				t.Errorf("got %d deltas for %d chunks", len(got.ChunkDeltas), got.Chunks)
			}
			if got.Done.IsZero() {
				t.Error("no Done")
			}
		})
	}
}

// vLLM 0.32.0 answers 200 and generates less when prompt and max_tokens together do not fit.
func TestCompleteNoticesAClippedOutput(t *testing.T) {
	req := request(49)
	req.PromptTokens = 2000
	got, _ := complete(t, replay(t, captured(t, "err-too-long")), req)
	if got.ErrorClass != ErrTokenCount || got.Error != "usage.completion_tokens is 48, want 49 (finish reason length)" {
		t.Errorf("got %s: %s", got.ErrorClass, got.Error)
	}
}

func TestCompleteClasses(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(first+second+counts+end, old, new, 1) }
	for _, tt := range []struct {
		name, stream string
		class        ErrorClass
		text         string
		chunks       int
	}{
		{"success", first + second + counts + end, "", "", 2},
		{"comments, other fields, carriage returns", ": ping\r\nevent: x\r\nid: 1\r\nretry: 5\r\n\r\n" + strings.ReplaceAll(first+second+counts+end, "\n", "\r\n"), "", "", 2},
		{"no space after the colon", strings.ReplaceAll(first+second+counts+end, "data: ", "data:"), "", "", 2},
		{"explicit nulls", with(`"a","finish_reason":null`, `"a","finish_reason":null,"stop_reason":null,"logprobs":null`), "", "", 2},
		{"something after [DONE]", first + second + counts + end + "garbage\n", "", "", 2},
		{"nested error", first + `data: {"error":{"message":"EngineCore died","type":"InternalServerError","param":null,"code":500}}` + "\n\n" + end, ErrStreamEvent, "EngineCore died", 1},
		{"flat error", first + `data: {"object":"error","message":"old \"server\"","type":"BadRequestError","param":null,"code":400}` + "\n\n" + end, ErrStreamEvent, `old "server"`, 1},
		{"error as a string", `data: {"error":"no such thing"}` + "\n\n" + end, ErrStreamEvent, "no such thing", 0},
		{"the first of two errors", `data: {"error":"one"}` + "\n" + `data: {"error":"two"}` + "\n", ErrStreamEvent, "one", 0},
		{"error event, then cut", first + `data: {"error":{"message":"died"}}` + "\n\n", ErrStreamEvent, "died", 1},
		{"cut after a token", first, ErrCutStream, "the stream ended after 1 chunks without data: [DONE]", 1},
		{"cut in a line", first + second + counts + "data: [DO", ErrCutStream, "the stream ended after 2 chunks without data: [DONE]", 2},
		{"empty", "", ErrCutStream, "the stream ended after 0 chunks without data: [DONE]", 0},
		{"no finish reason", first + counts + end, ErrNoFinish, "the stream ended after 1 chunks without a finish reason", 1},
		{"no usage", first + second + end, ErrNoUsage, "the stream ended without usage.prompt_tokens and usage.completion_tokens", 2},
		{"half a usage", first + second + `data: {"choices":[],"usage":{"prompt_tokens":64}}` + "\n\n" + end, ErrNoUsage, "the stream ended without usage.prompt_tokens and usage.completion_tokens", 2},
		{"aborted", with(`"length"`, `"abort"`), ErrAborted, "the server ended the output after 2 chunks with finish reason abort", 2},
		{"aborted and cut", first + strings.Replace(second, "length", "abort", 1), ErrAborted, "the server ended the output after 2 chunks with finish reason abort", 2},
		{"finish reason error", with(`"length"`, `"error"`), ErrAborted, "the server ended the output after 2 chunks with finish reason error", 2},
		{"wrong prompt tokens", with(`"prompt_tokens":64`, `"prompt_tokens":63`), ErrTokenCount, "usage.prompt_tokens is 63, sent 64", 2},
		{"no completion tokens", with(`"completion_tokens":2`, `"completion_tokens":0`), ErrTokenCount, "usage.completion_tokens is 0, allowed 1 to 2", 2},
		{"too many completion tokens", with(`"completion_tokens":2`, `"completion_tokens":3`), ErrTokenCount, "usage.completion_tokens is 3, allowed 1 to 2", 2},
		{"length before max_tokens", with(`"completion_tokens":2`, `"completion_tokens":1`), ErrTokenCount, "usage.completion_tokens is 1, want 2 (finish reason length)", 2},
		{"not an event stream", "<html>\n", ErrMalformed, `malformed stream: not a line of an event stream: "<html>"`, 0},
		{"broken JSON", first + "data: {\"choices\":[}\n\n" + end, ErrMalformed, `malformed stream: event 2: invalid character '}' looking for beginning of value: "{\"choices\":[}"`, 1},
		{"JSON, but no object", "data: 5\n\n" + end, ErrMalformed, `malformed stream: event 1: not a JSON object: "5"`, 0},
		{"wrong type", "data: {\"usage\":{\"prompt_tokens\":\"many\"}}\n\n" + end, ErrMalformed,
			`malformed stream: event 1: json: cannot unmarshal string into Go struct field wireUsage.usage.prompt_tokens of type int: "{\"usage\":{\"prompt_tokens\":\"many\"}}"`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := complete(t, streaming(t, tt.stream).URL, request(2))
			want := told{Class: tt.class, Error: tt.text, Chunks: tt.chunks}
			if diff := cmp.Diff(want, told{Class: got.ErrorClass, Error: got.Error, Chunks: got.Chunks}); diff != "" {
				t.Error(diff)
			}
			if got.Status != 200 {
				t.Errorf("status: got %d", got.Status)
			}
		})
	}
}

func TestCompleteMustReachMax(t *testing.T) {
	stream := strings.NewReplacer(`"length"`, `"stop"`, `"completion_tokens":2`, `"completion_tokens":1`).Replace(first + second + counts + end)
	url := streaming(t, stream).URL
	req := request(2)
	if got, _ := complete(t, url, req); got.ErrorClass != "" {
		t.Errorf("stopped early, as it may: got %s: %s", got.ErrorClass, got.Error)
	}
	req.MustReachMax = true
	got, _ := complete(t, url, req)
	if got.ErrorClass != ErrTokenCount || got.Error != "usage.completion_tokens is 1, want 2 (finish reason stop)" {
		t.Errorf("stopped early, as it must not: got %s: %s", got.ErrorClass, got.Error)
	}
}

func TestCompleteStamps(t *testing.T) {
	got, _ := complete(t, replay(t, captured(t, "stream-32")), request(32))
	ordered(t, got.Sent, got.Written, got.Headers, got.FirstToken, got.LastToken, got.Done)
	var sum time.Duration
	for _, d := range got.ChunkDeltas {
		sum += d
	}
	if want := got.LastToken.Sub(got.FirstToken); sum != want {
		t.Errorf("the gaps sum to %v, want %v", sum, want)
	}
}

// A chunk may hold several tokens, or the text of several chunks one: the watcher's count ends at the server's.
func TestCompleteCountsTokensAsTheServerDoes(t *testing.T) {
	stream := strings.Replace(first+second+counts+end, `"completion_tokens":2`, `"completion_tokens":7`, 1)
	got, tokens := complete(t, streaming(t, stream).URL, request(7))
	if got.ErrorClass != "" || got.Chunks != 2 || tokens != 7 {
		t.Errorf("got class %q, %d chunks, %d tokens; want none, 2, 7", got.ErrorClass, got.Chunks, tokens)
	}
}

func TestCompleteKeepsCachedTokensAndStopReason(t *testing.T) {
	stream := strings.Replace(second, `"length","stop_reason":null`, `"stop","stop_reason":"\u00e9nd"`, 1) +
		strings.Replace(counts, `"completion_tokens":2`, `"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":48}`, 1) + end
	got, _ := complete(t, streaming(t, stream).URL, request(2))
	want := told{Status: 200, Chunks: 1, Prompt: intp(64), Completion: intp(1), Cached: intp(48), Finish: "stop", Stop: `"\u00e9nd"`}
	if diff := cmp.Diff(want, tell(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got.StopReason) {
		t.Errorf("stop reason %s is not JSON", got.StopReason)
	}
}

// The first chunk of vLLM 0.10.2 to 0.11.0 has the whole prompt.
func TestCompleteReadsLongLines(t *testing.T) {
	ids := strings.Repeat("128000,", 100_000) + "1"
	long := strings.Replace(first, `"finish_reason"`, `"prompt_token_ids":[`+ids+`],"finish_reason"`, 1)
	got, _ := complete(t, streaming(t, long+second+counts+end).URL, request(2))
	if got.ErrorClass != "" || got.Chunks != 2 {
		t.Errorf("got %s: %s, %d chunks", got.ErrorClass, got.Error, got.Chunks)
	}
	c := newClient(t, streaming(t, long+second+counts+end).URL)
	c.maxLine = 64 << 10
	got = c.Complete(t.Context(), request(2), nil)
	if got.ErrorClass != ErrMalformed || got.Error != "line too long: more than 65536 bytes" {
		t.Errorf("got %s: %s", got.ErrorClass, got.Error)
	}
}

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, base := range []string{"", "127.0.0.1:8000", "https://h:1", "http://", "http://u:p@h", "http://h/v1", "http://h?x=1", "http://[::1", "://"} {
		if c, err := New(Options{BaseURL: base}); err == nil {
			t.Errorf("%q: got %v, want an error", base, c.url)
		}
	}
	c := newClient(t, "http://[::1]:8000/")
	if got, want := c.url.String(), "http://[::1]:8000/v1/completions"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
