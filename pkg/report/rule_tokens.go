package report

import "github.com/squeezebits/sqzb-orchestrate/pkg/bench"

// finishStop is the finish reason of an output that a stop token or string ended.
const finishStop = "stop"

// where picks the records that match.
func where(records []*bench.Record, match func(*bench.Record) bool) []*bench.Record {
	var list []*bench.Record
	for _, r := range records {
		if match(r) {
			list = append(list, r)
		}
	}
	return list
}

// rulePromptTokens: the server must have counted exactly the prompt tokens that were sent.
func rulePromptTokens(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		sent, counted := 0, 0
		for _, r := range p.counted() {
			sent += r.PromptTokensSent
			counted += *r.PromptTokens
		}
		wrong := where(p.counted(), func(r *bench.Record) bool { return *r.PromptTokens != r.PromptTokensSent })
		if len(wrong) == 0 {
			continue
		}
		first := wrong[0]
		reasons = append(reasons, invalid("prompt_tokens", "the server counted %d prompt tokens in the %s pass where %d were "+
			"sent; %s wrong, the first is row %d: got %d, sent %d; look for what changes prompts, such as a tokenizer or "+
			"truncation flag", counted, p.name, sent, requestsAre(len(wrong)), first.Index, *first.PromptTokens,
			first.PromptTokensSent))
	}
	return reasons
}

func requestsAre(requests int) string {
	if requests == 1 {
		return "1 request is"
	}
	return count(requests, "request") + " are"
}

// ruleOutputTokens: an output of the full pass is as long as asked, unless a stop token ended it.
func ruleOutputTokens(e *evidence) []Reason {
	var reasons []Reason
	counted := e.full.counted()
	short := where(counted, func(r *bench.Record) bool {
		return *r.CompletionTokens < r.MaxTokens && r.FinishReason != finishStop
	})
	if len(short) > 0 {
		r := short[0]
		reasons = append(reasons, invalid("output_tokens", "%s shorter than asked without a stop reason in the full pass; "+
			"the first is row %d: %d of %d tokens, finish reason %q; look for a limit of the server, such as max-model-len",
			requestsAre(len(short)), r.Index, *r.CompletionTokens, r.MaxTokens, r.FinishReason))
	}
	long := where(counted, func(r *bench.Record) bool { return *r.CompletionTokens > r.MaxTokens })
	if len(long) > 0 {
		r := long[0]
		reasons = append(reasons, invalid("output_tokens", "%s longer than asked in the full pass; the first is row %d: "+
			"%d tokens where at most %d were asked; this server's counts cannot be used", requestsAre(len(long)), r.Index,
			*r.CompletionTokens, r.MaxTokens))
	}
	return reasons
}

// ruleSummarizationTokens: the summarization pass generates one token per request.
func ruleSummarizationTokens(e *evidence) []Reason {
	wrong := where(e.summarization.counted(), func(r *bench.Record) bool { return *r.CompletionTokens != 1 })
	if len(wrong) == 0 {
		return nil
	}
	return []Reason{invalid("summarization_tokens", "%s of the summarization pass generated anything but one token; the "+
		"first is row %d: %d; its latency is then not that of the prefills: look for what overrides max_tokens",
		count(len(wrong), "request"), wrong[0].Index, *wrong[0].CompletionTokens)}
}

// ruleGenerationLatency: the full pass takes longer than the summarization pass.
func ruleGenerationLatency(e *evidence) []Reason {
	full, summarization := e.summary.EndToEndLatency, e.summary.SummarizationLatency
	if full == nil || summarization == nil || e.summary.GenerationLatency != nil {
		return nil
	}
	return []Reason{invalid("generation_latency", "the full pass (%.6f s) did not take longer than the summarization pass "+
		"(%.6f s), so generation_latency_s, their difference, and generation_throughput_tok_s are absent; ask for longer "+
		"outputs (load.max_output_len), or for a higher request_rate if arrivals fill both passes", *full, *summarization)}
}
