package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// completionRequest is the body of POST /v1/completions as far as it matters here. Unknown fields are ignored, as vLLM does.
type completionRequest struct {
	model     string
	prompt    promptInput
	maxTokens int
	minTokens int
	n         int
	ignoreEOS bool
	stopIDs   []int32
	priority  int
	requestID string
	salt      string

	stream          bool
	includeUsage    bool
	continuousUsage bool
	streamInterval  int
	returnTokenIDs  bool

	temperature, topP, minP, presence, frequency, repetition float64
	topK                                                     int
	// beyond names what was asked for and cannot be simulated, "" for nothing.
	beyond string
}

// parseCompletion reads a body; the error is the response that vLLM gives to a body of the wrong shape.
func parseCompletion(body []byte, vocab int) (*completionRequest, *apiError) {
	r, apiErr := readBody(body)
	if apiErr != nil {
		return nil, apiErr
	}
	raw, hasPrompt := r.raw("prompt")
	if !hasPrompt || string(raw) == `""` {
		return nil, badParameter("prompt", nil, "Either prompt or prompt_embeds must be provided and non-empty.")
	}
	req := &completionRequest{model: r.text("model")}
	var promptErrs []fieldError
	req.prompt, promptErrs = readPrompt(raw, vocab)
	r.errs = append(r.errs, promptErrs...)
	req.readLimits(r)
	req.readStream(r)
	if len(r.errs) > 0 {
		return nil, validationErrors(r.errs)
	}
	if options, ok := r.raw("stream_options"); ok && !req.stream && string(options) != "{}" {
		return nil, badParameter("stream_options", nil, "Stream options can only be defined when `stream=True`.")
	}
	req.beyond = unsupported(r)
	return req, nil
}

// readBody checks that the body is one JSON object.
func readBody(body []byte) (*fieldReader, *apiError) {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, validationErrors([]fieldError{{kind: "missing", loc: "body", msg: "Field required", input: "None"}})
	}
	r := &fieldReader{}
	err := json.Unmarshal(body, &r.fields)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, validationErrors([]fieldError{jsonError(body, int(syntax.Offset))})
	case err != nil:
		return nil, validationErrors([]fieldError{{
			kind: "model_attributes_type", loc: "body", input: inputText(bytes.TrimSpace(body)),
			msg: "Input should be a valid dictionary or object to extract fields from",
		}})
	}
	return r, nil
}

// jsonError says where a body ceases to be JSON, with the reason that Python would give in the two common cases.
func jsonError(body []byte, offset int) fieldError {
	reason := "Expecting value"
	before := bytes.TrimRight(body[:min(max(offset, 0), len(body))], " \t\r\n")
	if bytes.HasSuffix(before, []byte(",")) || bytes.HasSuffix(before, []byte("{")) {
		reason = "Expecting property name enclosed in double quotes"
	}
	return fieldError{
		kind: "json_invalid", loc: fmt.Sprintf("body.%d", offset), msg: "JSON decode error", input: "<dict of 0 items>",
		ctx: "{'error': " + pyRepr(reason) + "}",
	}
}

func (q *completionRequest) readLimits(r *fieldReader) {
	q.maxTokens = r.integer("max_tokens", 16, false)
	q.n = r.integer("n", 1, true)
	q.stopIDs = r.integers("stop_token_ids")
	q.ignoreEOS = r.boolean("ignore_eos", true)
	q.minTokens = r.integer("min_tokens", 0, true)
	q.priority = r.integer("priority", 0, true)
	q.requestID = r.text("request_id")
	q.salt = r.text("cache_salt")
	q.temperature = r.number("temperature", 1)
	q.topP = r.number("top_p", 1)
	q.minP = r.number("min_p", 0)
	q.topK = r.integer("top_k", 0, false)
	q.presence = r.number("presence_penalty", 0)
	q.frequency = r.number("frequency_penalty", 0)
	q.repetition = r.number("repetition_penalty", 1)
}

func (q *completionRequest) readStream(r *fieldReader) {
	q.stream = r.boolean("stream", false)
	q.returnTokenIDs = r.boolean("return_token_ids", false)
	q.streamInterval = r.integer("stream_interval", 1, false)
	options := r.object("stream_options")
	if options == nil {
		return
	}
	q.includeUsage = options.boolean("include_usage", false)
	q.continuousUsage = q.includeUsage && options.boolean("continuous_usage_stats", false)
	for _, e := range options.errs {
		e.loc = "body.stream_options" + e.loc[len("body"):]
		r.errs = append(r.errs, e)
	}
}

// unsupported names the first field that asks for something that only a real model can give.
func unsupported(r *fieldReader) string {
	harmless := []string{"false", "null", "[]", "{}", `""`, `{"type":"text"}`}
	for _, name := range []string{
		"echo", "logprobs", "prompt_logprobs", "suffix", "stop", "use_beam_search", "prompt_embeds", "structured_outputs",
		"response_format", "logit_bias", "allowed_token_ids", "bad_words", "truncate_prompt_tokens",
	} {
		raw, ok := r.raw(name)
		if !ok {
			continue
		}
		var compact bytes.Buffer
		if json.Compact(&compact, raw) == nil && !slices.Contains(harmless, compact.String()) {
			return name
		}
	}
	return ""
}

// check applies vLLM's rules to a well-formed request, in vLLM's order.
func (q *completionRequest) check(o *options) *apiError {
	if q.beyond != "" {
		return notImplemented(q.beyond)
	}
	if len(q.prompt.ids) == 0 {
		return badRequest("You must pass at least one prompt")
	}
	if q.maxTokens > o.maxModelLen {
		return badParameter("max_tokens", q.maxTokens, "max_tokens=%d cannot be greater than max_model_len=%d. "+
			"Please request fewer output tokens.", q.maxTokens, o.maxModelLen)
	}
	longest := 0
	for _, ids := range q.prompt.ids {
		if len(ids) == 0 {
			return badRequest("The decoder prompt cannot be empty")
		}
		longest = max(longest, len(ids))
	}
	if longest > o.maxModelLen {
		qualifier := ""
		if longest == o.maxModelLen+1 {
			qualifier = "at least "
		}
		return badParameter("input_tokens", longest, "This model's maximum context length is %d tokens. However, your prompt "+
			"contains %s%d input tokens, which exceeds this limit even without any output tokens. "+
			"Please reduce the length of the input prompt.", o.maxModelLen, qualifier, longest)
	}
	return q.checkSampling(q.outputLimit(longest, o.maxModelLen))
}

// outputLimit is the number of tokens that a prompt of this length may get. As in vLLM 0.32, what does not fit into the model
// is cut off without a word.
func (q *completionRequest) outputLimit(promptLen, maxModelLen int) int {
	return min(q.maxTokens, maxModelLen-promptLen)
}

// maxChoices is how many outputs one prompt can have.
const maxChoices = 16384

func (q *completionRequest) checkSampling(maxTokens int) *apiError {
	temperature, topP := pyFloat(q.temperature), pyFloat(q.topP)
	switch {
	case q.n < 1:
		return badParameter("n", q.n, "n must be at least 1, got %d.", q.n)
	case q.n > maxChoices:
		return badParameter("n", q.n, "n must be at most %d, got %d.", maxChoices, q.n)
	case q.presence < -2 || q.presence > 2:
		return badRequest("presence_penalty must be in [-2, 2], got %v.", pyFloat(q.presence))
	case q.frequency < -2 || q.frequency > 2:
		return badRequest("frequency_penalty must be in [-2, 2], got %v.", pyFloat(q.frequency))
	case q.repetition <= 0:
		return badRequest("repetition_penalty must be greater than zero, got %v.", pyFloat(q.repetition))
	case q.temperature < 0:
		return badParameter("temperature", temperature, "temperature must be non-negative, got %v.", temperature)
	case q.temperature > 2:
		return badParameter("temperature", temperature, "temperature must be in [0, 2], got %v.", temperature)
	case q.topP <= 0 || q.topP > 1 || math.IsNaN(q.topP):
		return badParameter("top_p", topP, "top_p must be in (0, 1], got %v.", topP)
	case q.topK < -1:
		return badRequest("top_k must be 0 (disable), or at least 1, got %d.", q.topK)
	case q.minP < 0 || q.minP > 1:
		return badRequest("min_p must be in [0, 1], got %v.", pyFloat(q.minP))
	case maxTokens < 1:
		return badParameter("max_tokens", maxTokens, "max_tokens must be at least 1, got %d.", maxTokens)
	case q.minTokens < 0:
		return badRequest("min_tokens must be greater than or equal to 0, got %d.", q.minTokens)
	case q.minTokens > maxTokens:
		return badRequest("min_tokens must be less than or equal to max_tokens=%d, got %d.", maxTokens, q.minTokens)
	case q.streamInterval < 1:
		return badParameter("stream_interval", q.streamInterval, "stream_interval must be at least 1, got %d.", q.streamInterval)
	case q.n > 1 && q.temperature == 0:
		return badRequest("n must be 1 when using greedy sampling, got %d.", q.n)
	}
	return nil
}

// checkEngine applies the rules that vLLM applies only after the response of a stream has begun.
func (q *completionRequest) checkEngine(o *options) *apiError {
	if q.prompt.highest >= int64(o.facts.vocab) {
		return badRequest("Token id %d is out of vocabulary", q.prompt.highest)
	}
	if q.priority != 0 && !o.priorities {
		return badRequest("Got priority %d but Priority scheduling is not enabled.", q.priority)
	}
	return nil
}
