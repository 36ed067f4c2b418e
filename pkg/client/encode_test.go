package client

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncodeCompletion(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Completion
		want string
	}{
		{"random prompt", Completion{Model: "m@run-full", Prompt: []int32{0, 9, 10, 128000}, MaxTokens: 1024, IgnoreEOS: true},
			`{"model":"m@run-full","prompt":[0,9,10,128000],"max_tokens":1024,"temperature":0,"top_p":1,"ignore_eos":true,` +
				`"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":false}}`},
		{"data set", Completion{Model: `a "b"`, Prompt: []int32{5}, MaxTokens: 1, StopTokenIDs: []int{257, 258}},
			`{"model":"a \"b\"","prompt":[5],"max_tokens":1,"temperature":0,"top_p":1,"ignore_eos":false,"stop_token_ids":[257,258],` +
				`"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":false}}`},
		{"nothing", Completion{},
			`{"model":"","prompt":[],"max_tokens":0,"temperature":0,"top_p":1,"ignore_eos":false,` +
				`"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":false}}`},
	} {
		got := EncodeCompletion(tt.c)
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
		if !json.Valid(got) {
			t.Errorf("%s: not JSON", tt.name)
		}
	}
}

// Every body of a pass is in memory before it starts.
func TestEncodeCompletionWastesNoMemory(t *testing.T) {
	prompt := make([]int32, 4096)
	for i := range prompt {
		prompt[i] = int32(i * 31)
	}
	prompt[0], prompt[1] = math.MaxInt32, math.MinInt32
	c := Completion{Model: "m", Prompt: prompt, MaxTokens: math.MaxInt64, StopTokenIDs: []int{math.MaxInt64, math.MinInt64}}
	got := EncodeCompletion(c)
	if cap(got)-len(got) > 512 {
		t.Errorf("%d bytes with room for %d", len(got), cap(got))
	}
	if n := testing.AllocsPerRun(10, func() { EncodeCompletion(c) }); n > 8 {
		t.Errorf("%v allocations", n)
	}
	var back struct {
		Prompt []int32 `json:"prompt"`
	}
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(prompt, back.Prompt); diff != "" {
		t.Error(diff)
	}
}
