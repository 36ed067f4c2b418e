package selftest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// modelName is what the metronome serves.
const modelName = "metronome"

// vocabulary bounds the random ids; it makes them as long as those of a large model.
const vocabulary = 128_000

// requests are so many streams, opened one after the other, see opening.
func (o *Options) requests(streams int) bench.Options {
	random := rand.New(rand.NewPCG(uint64(streams), 0x73717a62))
	b := bench.Options{Requests: make([]client.Request, streams), Rows: make([]int, streams), Offsets: opening(streams, o.Interval)}
	prompt := make([]int32, promptTokens)
	for i := range streams {
		for j := range prompt {
			prompt[j] = random.Int32N(vocabulary)
		}
		b.Requests[i] = client.Request{ID: fmt.Sprintf("selftest-%d-%d", streams, i), PromptTokens: promptTokens,
			MaxTokens: o.tokens(), MustReachMax: true,
			Body: client.EncodeCompletion(client.Completion{Model: modelName, Prompt: prompt, MaxTokens: o.tokens(), IgnoreEOS: true})}
		b.Rows[i] = i
	}
	return b
}

// openedPerSecond is how many streams are opened in a second. What is measured is streams: a burst of requests would keep the
// client busy just when the first tokens come, and is over before there is anything to say of the streams.
const openedPerSecond = 1000

// opening is when each stream is opened: within every interval as many as belong into it, at phases that differ by the golden
// section, so that however many there are their tokens are spread over the interval.
func opening(streams int, interval time.Duration) []time.Duration {
	const section = 0.6180339887498949
	offsets := make([]time.Duration, streams)
	for i := range offsets {
		begun := time.Duration(i) * time.Second / openedPerSecond / interval * interval
		_, phase := math.Modf(float64(i) * section)
		offsets[i] = begun + time.Duration(phase*float64(interval))
	}
	slices.Sort(offsets)
	return offsets
}
