package simulator

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCompletion(t *testing.T) {
	text := `{"model":"m","prompt":[[1, 2],[3]],"max_tokens":"7","temperature":0.5,"top_p":"0.9","ignore_eos":1,"stream":"true",
		"stream_options":{"include_usage":true,"continuous_usage_stats":true},"stop_token_ids":[5,6.0],"n":2,"min_tokens":3,
		"priority":-2,"cache_salt":"s","return_token_ids":true,"stream_interval":4,"seed":1,"no_such_field":{}}`
	got, apiErr := parseCompletion([]byte(text), 100)
	if apiErr != nil {
		t.Fatal(apiErr)
	}
	want := &completionRequest{
		model: "m", prompt: promptInput{ids: [][]int32{{1, 2}, {3}}, highest: 3}, maxTokens: 7, minTokens: 3, n: 2, ignoreEOS: true,
		stopIDs: []int32{5, 6}, priority: -2, salt: "s", stream: true, includeUsage: true, continuousUsage: true, streamInterval: 4,
		returnTokenIDs: true, temperature: 0.5, topP: 0.9, repetition: 1,
	}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(completionRequest{}, promptInput{})); diff != "" {
		t.Errorf("request (-got +want):\n%s", diff)
	}
}

func TestParseCompletionDefaults(t *testing.T) {
	got, apiErr := parseCompletion([]byte(`{"prompt":"ab","max_tokens":null}`), 90)
	if apiErr != nil {
		t.Fatal(apiErr)
	}
	want := &completionRequest{
		prompt: promptInput{ids: [][]int32{{'a' - 90, 'b' - 90}}}, maxTokens: 16, n: 1, streamInterval: 1, temperature: 1, topP: 1, repetition: 1,
	}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(completionRequest{}, promptInput{})); diff != "" {
		t.Errorf("request (-got +want):\n%s", diff)
	}
}

// Shapes that the captures of a real server do not cover.
func TestParseCompletionErrors(t *testing.T) {
	tests := []struct{ name, text, param, want string }{
		{"prompt is a number", `{"prompt":5}`, "body.prompt", "4 validation errors:\n  {'type': 'list_type', 'loc': 'body.prompt', 'msg': 'Input should be a valid list', 'input': '5'}"},
		{"text among ids", `{"prompt":[1,"x"]}`, "body.prompt.1", "'type': 'int_parsing', 'loc': 'body.prompt.1'"},
		{"null among ids", `{"prompt":[1,null]}`, "body.prompt.1", "'type': 'int_type', 'loc': 'body.prompt.1', 'msg': 'Input should be a valid integer', 'input': 'None'"},
		{"bad list in a list", `{"prompt":[[1],[2,-3]]}`, "body.prompt.0", "'loc': 'body.prompt.1.1', 'msg': 'Input should be greater than or equal to 0'"},
		{"many", `{"prompt":[` + strings.Repeat("-1,", 20) + `-1]}`, "body.prompt.0", "...and 54 more errors"},
		{"stream", `{"prompt":[1],"stream":"maybe"}`, "body.stream", "'type': 'bool_parsing'"},
		{"stream is a list", `{"prompt":[1],"stream":[]}`, "body.stream", "'type': 'bool_type', 'loc': 'body.stream', 'msg': 'Input should be a valid boolean', 'input': '<list of 0 items>'"},
		{"ignore_eos", `{"prompt":[1],"ignore_eos":null}`, "body.ignore_eos", "'type': 'bool_type'"},
		{"model", `{"prompt":[1],"model":5}`, "body.model", "'type': 'string_type'"},
		{"temperature", `{"prompt":[1],"temperature":"hot"}`, "body.temperature", "'type': 'float_parsing'"},
		{"top_p", `{"prompt":[1],"top_p":{}}`, "body.top_p", "'type': 'float_type', 'loc': 'body.top_p', 'msg': 'Input should be a valid number', 'input': '<dict of 0 items>'"},
		{"max_tokens", `{"prompt":[1],"max_tokens":1.5}`, "body.max_tokens", "'type': 'int_from_float'"},
		{"huge", `{"prompt":[1],"max_tokens":1e300}`, "body.max_tokens", "'type': 'int_parsing_size'"},
		{"stop ids", `{"prompt":[1],"stop_token_ids":["x"]}`, "body.stop_token_ids.0", "'type': 'int_parsing'"},
		{"stop ids are none", `{"prompt":[1],"stop_token_ids":1}`, "body.stop_token_ids", "'type': 'list_type'"},
		{"stream options", `{"prompt":[1],"stream":true,"stream_options":1}`, "body.stream_options", "'type': 'model_attributes_type'"},
		{"usage", `{"prompt":[1],"stream":true,"stream_options":{"include_usage":"x"}}`, "body.stream_options.include_usage", "'type': 'bool_parsing'"},
		{"long value", `{"prompt":[1],"max_tokens":"` + strings.Repeat("y", 300) + `"}`, "body.max_tokens", "'input': '" + strings.Repeat("y", 200) + "...[truncated]'"},
		{"quotes", `{"prompt":[1],"max_tokens":"it's \\"}`, "body.max_tokens", `'input': "it's \\"`},
		{"not JSON", `{"prompt": nope}`, "body.13", "Expecting value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, apiErr := parseCompletion([]byte(tt.text), 100)
			if apiErr == nil {
				t.Fatal("got no error")
			}
			if apiErr.Code != 400 || apiErr.Type != "Bad Request" || apiErr.Param == nil || *apiErr.Param != tt.param {
				t.Errorf("got %+v, param %v; want 400 at %s", apiErr, *apiErr.Param, tt.param)
			}
			if !strings.Contains(apiErr.Message, tt.want) {
				t.Errorf("got message\n%s\nwant it to contain %s", apiErr.Message, tt.want)
			}
		})
	}
}

func TestCheckSampling(t *testing.T) {
	o := mustParse(t, "--model", "m", "--max-model-len", "100")
	tests := []struct{ extra, want string }{
		{`"n":0`, "n must be at least 1, got 0. (parameter=n, value=0)"},
		{`"n":99999`, "n must be at most 16384, got 99999."},
		{`"n":2,"temperature":0`, "n must be 1 when using greedy sampling, got 2."},
		{`"temperature":2.5`, "temperature must be in [0, 2], got 2.5. (parameter=temperature, value=2.5)"},
		{`"presence_penalty":3`, "presence_penalty must be in [-2, 2], got 3.0."},
		{`"frequency_penalty":-3`, "frequency_penalty must be in [-2, 2], got -3.0."},
		{`"repetition_penalty":0`, "repetition_penalty must be greater than zero, got 0.0."},
		{`"top_k":-2`, "top_k must be 0 (disable), or at least 1, got -2."},
		{`"min_p":2`, "min_p must be in [0, 1], got 2.0."},
		{`"min_tokens":-1`, "min_tokens must be greater than or equal to 0, got -1."},
		{`"stream_interval":0`, "stream_interval must be at least 1, got 0."},
		{`"prompt":[[1],[]]`, "The decoder prompt cannot be empty"},
		{`"prompt":"` + strings.Repeat("x", 101) + `"`, "your prompt contains at least 101 input tokens"},
		{`"max_tokens":101`, "max_tokens=101 cannot be greater than max_model_len=100."},
	}
	for _, tt := range tests {
		text := `{"prompt":[1,2],` + tt.extra + `}`
		if strings.HasPrefix(tt.extra, `"prompt"`) {
			text = `{` + tt.extra + `}`
		}
		request, apiErr := parseCompletion([]byte(text), 100)
		if apiErr == nil {
			apiErr = request.check(o)
		}
		if apiErr == nil || apiErr.Code != 400 || !strings.Contains(apiErr.Message, tt.want) {
			t.Errorf("%s: got %v, want 400 with %q", tt.extra, apiErr, tt.want)
		}
	}
}

func FuzzParseCompletion(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":[1,2,3],"max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}`,
		`{"prompt":[[1],"x",{}]}`, `{"prompt":[99999999999999999999]}`, `{"prompt":[-1,1.5,null,true]}`, `{"prompt":"é","n":1e400}`,
		`[`, `{}`, `null`, `{"prompt":[1,,2]}`, `{"prompt":[1 2]}`, `{"prompt":[ ]}`,
	} {
		f.Add([]byte(seed))
	}
	o := &options{facts: modelFacts{vocab: 100}, maxModelLen: 64}
	f.Fuzz(func(t *testing.T, text []byte) {
		request, apiErr := parseCompletion(text, o.facts.vocab)
		if apiErr == nil {
			apiErr = request.check(o)
		}
		if apiErr != nil {
			if !json.Valid(apiErr.body()) || apiErr.Code < 400 || apiErr.Message == "" {
				t.Fatalf("%q: got the error %+v", text, apiErr)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q was taken for JSON", text)
		}
		for _, ids := range request.prompt.ids {
			if len(ids) == 0 || request.outputLimit(len(ids), o.maxModelLen) < 1 {
				t.Fatalf("%q: a prompt of %d ids passed", text, len(ids))
			}
		}
	})
}

// The fast scan of ids agrees with the JSON decoder.
func FuzzScanIDs(f *testing.F) {
	for _, seed := range []string{"[1,2]", "[]", "[ 1 , 2 ]", "[01]", "[1,]", "[,]", "[1][2]", "[9223372036854775808]", "[12345678901]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want []int64
		if !json.Valid([]byte(text)) || json.Unmarshal([]byte(text), &want) != nil || !strings.HasPrefix(text, "[") {
			return // the scan is only given valid JSON
		}
		got, highest, ok := scanIDs(json.RawMessage(text))
		if !ok {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
		for i, id := range want {
			if int64(got[i]) != min(id, math.MaxInt32) || id > highest {
				t.Fatalf("%q: got %v, highest %d; want %v", text, got, highest, want)
			}
		}
	})
}
