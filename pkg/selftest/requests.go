package selftest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// modelName is what the metronome serves.
const modelName = "metronome"

// vocabulary bounds the random ids; it makes them as long as those of a large model.
const vocabulary = 128_000

// requests are so many streams, sent evenly over an interval, so that their tokens are spread over it as well.
func (o *Options) requests(streams int) bench.Options {
	random := rand.New(rand.NewPCG(uint64(streams), 0x73717a62))
	b := bench.Options{Requests: make([]client.Request, streams), Rows: make([]int, streams), Offsets: make([]time.Duration, streams)}
	prompt := make([]int32, promptTokens)
	for i := range streams {
		for j := range prompt {
			prompt[j] = random.Int32N(vocabulary)
		}
		b.Requests[i] = client.Request{ID: fmt.Sprintf("selftest-%d-%d", streams, i), PromptTokens: promptTokens,
			MaxTokens: o.tokens(), MustReachMax: true,
			Body: client.EncodeCompletion(client.Completion{Model: modelName, Prompt: prompt, MaxTokens: o.tokens(), IgnoreEOS: true})}
		b.Rows[i] = i
		b.Offsets[i] = o.Interval * time.Duration(i) / time.Duration(streams)
	}
	return b
}
