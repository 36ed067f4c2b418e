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

// startRate is how many streams begin a second.
const startRate = 2000

// rampUp is the time in which so many streams begin: at least an interval, so that tokens are spread over it, and at most half of
// what a stream lasts, so that all of them run at once for as long.
//
// Note: a server takes longer for the prompts of a burst than a client for sending them, and answers by and by. A metronome does
// not: it would measure how a client sends and reads at once, where how late it sends is what every run measures of itself.
func (o *Options) rampUp(streams int) time.Duration {
	return max(o.Interval, min(time.Duration(streams)*time.Second/startRate, o.Duration/2))
}

// requests are so many streams, which begin over rampUp.
func (o *Options) requests(streams int) bench.Options {
	random := rand.New(rand.NewPCG(uint64(streams), 0x73717a62))
	b := bench.Options{Requests: make([]client.Request, streams), Rows: make([]int, streams), Offsets: beginnings(streams, o.rampUp(streams), o.Interval)}
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

// beginnings are when the streams begin: evenly over rampUp, in whole intervals, within which their phases differ by the golden
// section, so that however many there are their tokens are spread over the interval.
func beginnings(streams int, rampUp, interval time.Duration) []time.Duration {
	const section = 0.6180339887498949
	offsets := make([]time.Duration, streams)
	for i := range offsets {
		begun := rampUp * time.Duration(i) / time.Duration(streams) / interval * interval
		_, phase := math.Modf(float64(i) * section)
		offsets[i] = begun + time.Duration(phase*float64(interval))
	}
	slices.Sort(offsets)
	return offsets
}
