package metronome

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	// defaultTokens is what vLLM generates for a request without max_tokens.
	defaultTokens = 16
	// maxTokens bounds what one stream keeps in memory.
	maxTokens = 1 << 20
)

// completion is the body of a request to /v1/completions, as far as it matters here.
type completion struct {
	model                   string
	promptTokens, maxTokens int
	// usage is true when the last event is to tell the counts.
	usage bool
}

// decodeCompletion reads a body; an error is its fault.
func decodeCompletion(body []byte, models []string) (completion, error) {
	rest, ids := cutPrompt(body)
	var b struct {
		Model     string          `json:"model"`
		Prompt    json.RawMessage `json:"prompt"`
		MaxTokens *int            `json:"max_tokens"`
		Stream    bool            `json:"stream"`
		Options   struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(rest, &b); err != nil {
		return completion{}, err
	}
	c := completion{model: b.Model, promptTokens: ids, maxTokens: defaultTokens, usage: b.Options.Usage}
	if ids == 0 {
		c.promptTokens = countPrompt(b.Prompt)
	}
	if b.MaxTokens != nil {
		c.maxTokens = *b.MaxTokens
	}
	if c.model == "" {
		c.model = models[0]
	}
	switch {
	case !slices.Contains(models, c.model):
		return c, fmt.Errorf("the model %q does not exist; served: %s", c.model, strings.Join(models, ", "))
	case c.promptTokens == 0:
		return c, fmt.Errorf("prompt: want one prompt, as text or as token ids, that is not empty")
	case c.maxTokens < 1 || c.maxTokens > maxTokens:
		return c, fmt.Errorf("max_tokens: got %d; allowed 1 to %d", c.maxTokens, maxTokens)
	case !b.Stream:
		return c, fmt.Errorf("stream: a metronome only streams, got false")
	}
	return c, nil
}

var promptKey = []byte(`"prompt"`)

// cutPrompt takes the token ids out of a body and counts them, without decoding them: they are nearly all of it. What it does not
// recognise it leaves alone, with a count of 0.
func cutPrompt(body []byte) (rest []byte, ids int) {
	key := bytes.Index(body, promptKey)
	if key < 0 {
		return body, 0
	}
	start := skipSpace(body, key+len(promptKey))
	if start >= len(body) || body[start] != ':' {
		return body, 0
	}
	if start = skipSpace(body, start+1); start >= len(body) || body[start] != '[' {
		return body, 0
	}
	commas, digits := 0, 0
	for i := start + 1; i < len(body); i++ {
		switch c := body[i]; {
		case c == ',':
			commas++
		case c == ']' && digits > 0:
			return slices.Concat(body[:start+1], []byte{'0'}, body[i:]), commas + 1
		case c >= '0' && c <= '9':
			digits++
		case c == ' ':
		default:
			return body, 0
		}
	}
	return body, 0
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// countPrompt counts a prompt that is not plain ids: words stand for tokens. It is 0 for what is no single prompt.
func countPrompt(raw json.RawMessage) int {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return len(strings.Fields(text))
	}
	var ids []int
	if json.Unmarshal(raw, &ids) == nil {
		return len(ids)
	}
	return 0
}
