package simulator

import (
	"sync"
	"time"
)

// iteration is what one step adds to the counters.
type iteration struct {
	batch
	prompt, cached, external, generated int
	firstTokens                         []*sequence
	finished                            []*sequence
	gaps                                []time.Duration // between successive tokens of a sequence
	at                                  time.Time
	running, waiting                    int
	cacheUse                            float64
}

// token notes the token that a sequence just got.
func (it *iteration) token(seq *sequence, previous, now time.Time) {
	it.at = now
	it.generated++
	if len(seq.output) == 1 {
		it.prompt += len(seq.prompt)
		it.cached += seq.cached
		it.external += seq.external
		it.firstTokens = append(it.firstTokens, seq)
	} else {
		it.gaps = append(it.gaps, now.Sub(previous))
	}
	if seq.reason != "" {
		it.finished = append(it.finished, seq)
	}
}

// stats are the numbers behind /metrics, kept as vLLM keeps them. All methods may be called from any goroutine.
type stats struct {
	mu sync.Mutex
	m  engineMetrics
	// on is false with --disable-log-stats: nothing is counted and /metrics has no vLLM names.
	on bool
	// external is true with --sim-cache: lookups in an external cache are counted.
	external bool
}

func newStats(o *options, now time.Time) *stats {
	return &stats{m: newEngineMetrics(o, now), on: o.logStats, external: o.cacheDir != ""}
}

// setLoad sets the gauges between steps.
func (st *stats) setLoad(running, waiting int, cacheUse float64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.m.running.set(float64(running))
	st.m.waiting.set(float64(waiting))
	st.m.waitingCapacity.set(float64(waiting))
	st.m.cacheUse.set(cacheUse)
}

// record adds a step.
func (st *stats) record(it iteration) {
	st.setLoad(it.running, it.waiting, it.cacheUse)
	st.mu.Lock()
	defer st.mu.Unlock()
	m := &st.m
	m.cacheQueries.add(float64(it.queries))
	m.cacheHits.add(float64(it.hits))
	m.cachedDevice.add(float64(it.hits))
	if st.external {
		m.externalQueries.add(float64(it.queries - it.hits))
		m.externalHits.add(float64(it.externalHits))
		m.cachedExternal.add(float64(it.externalHits))
	}
	m.preemptions.add(float64(it.preemptions))
	if it.generated == 0 {
		return
	}
	m.promptTokens.add(float64(it.prompt))
	m.promptComputed.add(float64(it.prompt - it.cached))
	m.promptHit.add(float64(it.cached - it.external))
	m.promptExternal.add(float64(it.external))
	m.promptCached.add(float64(it.cached))
	m.generationTokens.add(float64(it.generated))
	m.iterationTokens.observe(float64(it.prompt - it.cached + it.generated))
	for _, seq := range it.firstTokens {
		m.timeToFirstToken.observe(it.at.Sub(seq.arrival).Seconds())
	}
	for _, gap := range it.gaps {
		m.interToken.observe(gap.Seconds())
	}
	for _, seq := range it.finished {
		m.finish(seq, it.at)
	}
}

// finish adds a sequence that ended without a token, by abort.
func (st *stats) finish(seq *sequence, now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.m.finish(seq, now)
}

// finish observes the whole life of a sequence.
func (m *engineMetrics) finish(seq *sequence, now time.Time) {
	t := seq.stamps
	n := len(seq.output)
	m.success[seq.reason].add(1)
	m.endToEnd.observe(now.Sub(seq.arrival).Seconds())
	m.queueTime.observe(span(t.queued, t.scheduled))
	m.prefillTime.observe(span(t.scheduled, t.firstToken))
	m.inferenceTime.observe(span(t.scheduled, t.lastToken))
	m.decodeTime.observe(span(t.firstToken, t.lastToken))
	m.requestPreemptions.observe(float64(seq.preempt))
	m.prefillComputed.observe(float64(len(seq.prompt) - seq.cached))
	m.requestPrompt.observe(float64(len(seq.prompt)))
	m.requestGeneration.observe(float64(n))
	perToken := 0.0
	if n > 1 {
		perToken = span(t.firstToken, t.lastToken) / float64(n-1)
	}
	m.timePerToken.observe(perToken)
	m.requestMaxTokens.observe(float64(seq.maxTokens))
	m.requestMaxGeneration.observe(float64(n))
	m.requestN.observe(1)
}

// span is the seconds between two stamps, 0 when either was not reached.
func span(from, to time.Time) float64 {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return to.Sub(from).Seconds()
}

// totals are the running sums that the log line about throughput is made of.
type totals struct {
	prompt, generated float64
	running, waiting  float64
	cacheUse          float64
	queries, hits     float64
	preemptions       float64
}

func (st *stats) totals() totals {
	st.mu.Lock()
	defer st.mu.Unlock()
	m := &st.m
	return totals{
		prompt: m.promptTokens.value, generated: m.generationTokens.value, running: m.running.value, waiting: m.waiting.value,
		cacheUse: m.cacheUse.value, queries: m.cacheQueries.value, hits: m.cacheHits.value, preemptions: m.preemptions.value,
	}
}
