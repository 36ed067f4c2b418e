package selftest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// What a selftest does unless it is told otherwise.
const (
	DefaultInterval = 20 * time.Millisecond
	DefaultDuration = 5 * time.Second
)

// DefaultStreams is the ladder: from what any client can do to what a core cannot.
func DefaultStreams() []int { return []int{64, 256, 1024, 2048} }

const (
	// timeToFirst is from a request to its first token.
	timeToFirst = 60 * time.Millisecond
	// promptTokens is the length of each prompt.
	promptTokens = 1024
)

// Options say what to measure.
type Options struct {
	// Self is the path of this program, which is also the metronome.
	Self string
	// Streams is the ladder: how many streams at once, each on a connection of its own.
	Streams []int
	// Interval is from token to token of a stream, Duration how long each stream lasts.
	Interval, Duration time.Duration
	// ClientCPUs are the processors that this process confines itself to; the metronome gets the others that are allowed. None: both
	// use what there is. Linux only.
	ClientCPUs []int
	// Keep is a folder for the records and the truth of each level, by which anyone can compute the figures anew; empty for none.
	Keep string
	// Version is that of this program, for the result.
	Version string
	// Talk is told what happens, a line each time; nil for nobody.
	Talk func(string)
}

// ErrUsage is wrapped by the error about Options that make no sense.
var ErrUsage = errors.New("wrong options")

func (o *Options) check() error {
	switch {
	case len(o.Streams) == 0 || slices.Min(o.Streams) < 1:
		return fmt.Errorf("%w: concurrency: got %v; allowed numbers from 1 up", ErrUsage, o.Streams)
	case o.Interval <= 0:
		return fmt.Errorf("%w: interval: got %v; allowed more than 0", ErrUsage, o.Interval)
	case o.tokens() < 2:
		return fmt.Errorf("%w: duration: got %v; allowed at least two intervals of %v", ErrUsage, o.Duration, o.Interval)
	}
	return nil
}

// tokens is how many each stream has.
func (o *Options) tokens() int { return int(o.Duration / o.Interval) }

func (o *Options) talk(format string, args ...any) {
	if o.Talk != nil {
		o.Talk(fmt.Sprintf(format, args...))
	}
}
