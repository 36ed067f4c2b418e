package simulator

import (
	"time"
)

// engineMetrics are the metrics of vLLM 0.32, in its order, and the series that the engine feeds.
type engineMetrics struct {
	families []*family

	running, waiting, waitingCapacity, cacheUse                             *series
	cacheQueries, cacheHits, preemptions                                    *series
	promptTokens, promptComputed, promptHit, promptCached, cachedDevice     *series
	externalQueries, externalHits, promptExternal, cachedExternal           *series
	generationTokens                                                        *series
	success                                                                 map[finishReason]*series
	requestPrompt, requestGeneration, iterationTokens, requestMaxGeneration *series
	requestN, requestMaxTokens                                              *series
	timeToFirstToken, interToken, timePerToken, endToEnd                    *series
	queueTime, inferenceTime, prefillTime, decodeTime                       *series
	requestPreemptions, prefillComputed                                     *series
}

// familyList collects families under the labels of the engine.
type familyList struct {
	families []*family
	base     []label
	created  float64
}

func (l *familyList) family(kind, name, help string) *family {
	f := &family{name: "vllm:" + name, help: help, kind: kind, created: l.created}
	l.families = append(l.families, f)
	return f
}

func (l *familyList) labels(more ...label) []label {
	return append(append([]label{}, l.base...), more...)
}

func (l *familyList) gauge(name, help string) *series {
	return l.family("gauge", name, help).with(l.labels()...)
}

func (l *familyList) counter(name, help string) *series {
	return l.family("counter", name, help).with(l.labels()...)
}

func (l *familyList) histogram(name, help string, bounds []float64) *series {
	s := l.family("histogram", name, help).with(l.labels()...)
	s.hist = newHistogram(bounds)
	return s
}

func newEngineMetrics(o *options, now time.Time) engineMetrics {
	l := &familyList{
		base:    []label{{"model_name", o.servedNames[0]}, {"engine", "0"}},
		created: float64(now.UnixNano()) / 1e9,
	}
	var m engineMetrics
	m.addGauges(l)
	m.addCounters(l)
	m.addHistograms(l, o.maxModelLen)
	l.family("gauge", "cache_config_info", "Information of the LLMEngine CacheConfig").with(cacheConfig(o)...).set(1)
	m.families = l.families
	return m
}

func (m *engineMetrics) addGauges(l *familyList) {
	const flops = " (for Model Flops Utilization calculations)."
	l.counter("estimated_flops_per_gpu", "Estimated number of floating point operations per GPU"+flops)
	l.counter("estimated_read_bytes_per_gpu", "Estimated number of bytes read from memory per GPU"+flops)
	l.counter("estimated_write_bytes_per_gpu", "Estimated number of bytes written to memory per GPU"+flops)
	m.running = l.gauge("num_requests_running", "Number of requests in model execution batches.")
	m.waiting = l.gauge("num_requests_waiting", "Number of requests waiting to be processed.")
	byReason := l.family("gauge", "num_requests_waiting_by_reason", "Number of waiting requests by reason. Reason labels: "+
		"'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, "+
		"blocked status). Sum of all reasons equals vllm:num_requests_waiting.")
	m.waitingCapacity = byReason.with(l.labels(label{"reason", "capacity"})...)
	byReason.with(l.labels(label{"reason", "deferred"})...)
	sleep := l.family("gauge", "engine_sleep_state", "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means "+
		"engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.")
	sleep.with(l.labels(label{"sleep_state", "awake"})...).set(1)
	sleep.with(l.labels(label{"sleep_state", "weights_offloaded"})...)
	sleep.with(l.labels(label{"sleep_state", "discard_all"})...)
	m.cacheUse = l.gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.")
}

func (m *engineMetrics) addCounters(l *familyList) {
	m.cacheQueries = l.counter("prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens.")
	m.cacheHits = l.counter("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.")
	const external = "cross-instance cache sharing, in terms of number of "
	m.externalQueries = l.counter("external_prefix_cache_queries", "External prefix cache queries from KV connector "+external+"queried tokens.")
	m.externalHits = l.counter("external_prefix_cache_hits", "External prefix cache hits from KV connector "+external+"cached tokens.")
	l.counter("mm_cache_queries", "Multi-modal cache queries, in terms of number of queried items.")
	l.counter("mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.")
	m.preemptions = l.counter("num_preemptions", "Cumulative number of preemption from the engine.")
	m.promptTokens = l.counter("prompt_tokens", "Number of prefill tokens processed.")
	bySource := l.family("counter", "prompt_tokens_by_source", "Number of prompt tokens by source.")
	m.promptComputed = bySource.with(l.labels(label{"source", "local_compute"})...)
	m.promptHit = bySource.with(l.labels(label{"source", "local_cache_hit"})...)
	m.promptExternal = bySource.with(l.labels(label{"source", "external_kv_transfer"})...)
	m.promptCached = l.counter("prompt_tokens_cached", "Number of cached prompt tokens (local + external).")
	byTier := l.family("counter", "prompt_tokens_cached_by_source", "Prefix-cache hit tokens by the cache tier that supplied them: "+
		"device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. "+
		"Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.")
	m.cachedDevice = byTier.with(l.labels(label{"source", "device"})...)
	for _, tier := range []string{"host", "p2p", "disk"} {
		byTier.with(l.labels(label{"source", tier})...)
	}
	m.cachedExternal = byTier.with(l.labels(label{"source", "external_unspecified"})...)
	m.generationTokens = l.counter("generation_tokens", "Number of generation tokens processed.")
	success := l.family("counter", "request_success", "Count of successfully processed requests.")
	m.success = map[finishReason]*series{}
	for _, reason := range []finishReason{finishStop, finishLength, finishAbort, "error", "repetition"} {
		m.success[reason] = success.with(l.labels(label{"finished_reason", string(reason)})...)
	}
	rejections := l.family("counter", "admission_rejections", "Number of admission attempts rejected by a queue limit, by reason.")
	for _, reason := range []string{"max_num_queued_reqs", "max_num_queued_tokens"} {
		rejections.with(l.base[0], label{"reason", reason})
	}
}

// The bounds of vLLM's histograms.
var (
	latencyBounds = []float64{0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	firstBounds   = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
	gapBounds     = []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
	stepBounds    = []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	nBounds       = []float64{1, 2, 5, 10, 20}
	preemptBounds = []float64{1, 2, 3, 4, 5, 10, 20}
)

// tokenBounds is 1, 2, 5, 10, … up to a limit.
func tokenBounds(limit int) []float64 {
	var bounds []float64
	for scale := 1; scale <= limit; scale *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*scale <= limit {
				bounds = append(bounds, float64(m*scale))
			}
		}
	}
	return bounds
}

func (m *engineMetrics) addHistograms(l *familyList, maxModelLen int) {
	tokens := tokenBounds(maxModelLen)
	m.requestPrompt = l.histogram("request_prompt_tokens", "Number of prefill tokens processed.", tokens)
	m.requestGeneration = l.histogram("request_generation_tokens", "Number of generation tokens processed.", tokens)
	m.iterationTokens = l.histogram("iteration_tokens_total", "Histogram of number of tokens per engine_step.", stepBounds)
	m.requestMaxGeneration = l.histogram("request_max_num_generation_tokens",
		"Histogram of maximum number of requested generation tokens.", tokens)
	m.requestN = l.histogram("request_params_n", "Histogram of the n request parameter.", nBounds)
	m.requestMaxTokens = l.histogram("request_params_max_tokens", "Histogram of the max_tokens request parameter.", tokens)
	m.timeToFirstToken = l.histogram("time_to_first_token_seconds", "Histogram of time to first token in seconds.", firstBounds)
	m.interToken = l.histogram("inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", gapBounds)
	m.timePerToken = l.histogram("request_time_per_output_token_seconds",
		"Histogram of time_per_output_token_seconds per request.", gapBounds)
	m.endToEnd = l.histogram("e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", latencyBounds)
	m.queueTime = l.histogram("request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.", latencyBounds)
	m.inferenceTime = l.histogram("request_inference_time_seconds",
		"Histogram of time spent in RUNNING phase for request.", latencyBounds)
	m.prefillTime = l.histogram("request_prefill_time_seconds", "Histogram of time spent in PREFILL phase for request.", latencyBounds)
	m.decodeTime = l.histogram("request_decode_time_seconds", "Histogram of time spent in DECODE phase for request.", latencyBounds)
	m.requestPreemptions = l.histogram("request_num_preemptions",
		"Histogram of the number of times a request was preempted.", preemptBounds)
	m.prefillComputed = l.histogram("request_prefill_kv_computed_tokens",
		"Histogram of new KV tokens computed during prefill (excluding cached tokens).", tokens)
}
