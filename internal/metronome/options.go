package metronome

import (
	"errors"
	"time"
)

// Options say what a server sends.
type Options struct {
	// Interval is from one token of a stream to the next; more than 0.
	Interval time.Duration
	// TTFT is from when a request was read whole until its first token is due; 0 for at once.
	TTFT time.Duration
	// Models are the names that the server answers to, at least one; Root is the model that /v1/models says they stand for.
	Models []string
	Root   string
	// MaxModelLen is the limit that /v1/models tells, in tokens. It is not enforced.
	MaxModelLen int
	// Version is what /version tells.
	Version string
}

func (o *Options) check() error {
	switch {
	case o.Interval <= 0:
		return errors.New("starting a metronome: the interval must be more than 0")
	case o.TTFT < 0:
		return errors.New("starting a metronome: the time to the first token must not be negative")
	case len(o.Models) == 0:
		return errors.New("starting a metronome: it needs a name to serve")
	}
	return nil
}
