package simulator

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// The body of a response that is no stream, in vLLM's order of fields. What is always null here has the type *string.
type (
	wholeResponse struct {
		ID          string          `json:"id"`
		Object      string          `json:"object"`
		Created     int64           `json:"created"`
		Model       string          `json:"model"`
		Choices     []wholeChoice   `json:"choices"`
		ServiceTier *string         `json:"service_tier"`
		Fingerprint *string         `json:"system_fingerprint"`
		Usage       *wholeUsage     `json:"usage"`
		KVTransfer  *string         `json:"kv_transfer_params"`
		ECTransfer  *string         `json:"ec_transfer_params"`
		Metrics     *requestMetrics `json:"metrics"`
	}
	wholeChoice struct {
		Index          int          `json:"index"`
		Text           string       `json:"text"`
		Logprobs       *string      `json:"logprobs"`
		FinishReason   finishReason `json:"finish_reason"`
		StopReason     *int32       `json:"stop_reason"`
		TokenIDs       []int32      `json:"token_ids"`
		PromptLogprobs *string      `json:"prompt_logprobs"`
		PromptTokenIDs []int32      `json:"prompt_token_ids"`
		RoutedExperts  *string      `json:"routed_experts"`
	}
	wholeUsage struct {
		Prompt            int           `json:"prompt_tokens"`
		Total             int           `json:"total_tokens"`
		Completion        int           `json:"completion_tokens"`
		PromptDetails     *wholeDetails `json:"prompt_tokens_details"`
		CompletionDetails *string       `json:"completion_tokens_details"`
	}
	wholeDetails struct {
		Cached     int     `json:"cached_tokens"`
		Created    *int    `json:"created_cache_tokens"`
		Multimodal *string `json:"multimodal_tokens"`
	}
)

// serveWhole answers with one JSON body when all sequences have ended.
func (c *completion) serveWhole(w http.ResponseWriter, ctx context.Context) {
	created := time.Now().Unix()
	choices := make([]wholeChoice, len(c.sequences))
	for i := range choices {
		choices[i].Index = i
	}
	var events []event
	for c.open > 0 {
		var err error
		if events, err = c.wait(ctx, events); err != nil {
			c.giveUp(w, err)
			return
		}
		for _, e := range events {
			if err := c.act(ctx, e); err != nil {
				c.giveUp(w, err)
				return
			}
			if f := c.due(e); f != nil {
				c.strikeWhole(ctx, w, f, choices, created)
				return
			}
			c.observe(e)
			choices[e.seq.index].add(e, c.request.returnTokenIDs)
		}
	}
	c.writeWhole(w, choices, created)
}

// giveUp ends a response that gets no more events: with an error when the engine is dead, with nothing when the client has gone.
func (c *completion) giveUp(w http.ResponseWriter, err error) {
	c.server.engine.abort(c.sequences...)
	if errors.Is(err, errEngineDead) {
		c.endedBy = faultEngineDead
		writeError(w, internalError(engineDead))
	}
	c.record()
}

func (choice *wholeChoice) add(e event, withIDs bool) {
	choice.FinishReason = e.reason
	if e.reason == finishStop {
		if e.seq.stopID >= 0 {
			choice.StopReason = &e.seq.stopID
		}
	} else if e.token >= 0 {
		choice.Text += tokenText(e.token)
	}
	if withIDs {
		choice.PromptTokenIDs = e.seq.prompt
		if e.token >= 0 {
			choice.TokenIDs = append(choice.TokenIDs, e.token)
		}
	}
}

// writeWhole writes the response and its truth.
func (c *completion) writeWhole(w http.ResponseWriter, choices []wholeChoice, created int64) {
	response := wholeResponse{
		ID: "cmpl-" + c.id, Object: "text_completion", Created: created, Model: c.model, Choices: choices,
		Fingerprint: c.server.options.fingerprint, Metrics: c.metrics(),
	}
	if c.faults.find(faultNoUsage, phaseServing) == nil {
		u := c.usage()
		response.Usage = &wholeUsage{Prompt: u.prompt, Completion: u.completion, Total: u.prompt + u.completion}
		if u.details {
			response.Usage.PromptDetails = &wholeDetails{Cached: u.cached}
		}
	}
	writeJSON(w, http.StatusOK, encodeJSON(response))
	_ = http.NewResponseController(w).Flush()
	c.record()
}

// strikeWhole lets a fault end the response.
func (c *completion) strikeWhole(ctx context.Context, w http.ResponseWriter, f *fault, choices []wholeChoice, created int64) {
	c.endedBy = f.kind.name
	c.server.engine.abort(c.sequences...)
	switch f.kind.name {
	case faultAbort:
		for i := range choices {
			if c.views[i].reason == "" {
				c.views[i].reason, choices[i].FinishReason = finishAbort, finishAbort
			}
		}
		c.writeWhole(w, choices, created)
		return
	case faultErrorEvent:
		writeError(w, internalError(engineDead))
		c.record()
		return
	case faultStall:
		<-ctx.Done()
	}
	c.record()
	if f.kind.ending != endNever {
		c.server.end(*f)
		<-ctx.Done()
	}
	panic(http.ErrAbortHandler)
}
