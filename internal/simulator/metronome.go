package simulator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/squeezebits/sqzb-orchestrate/internal/metronome"
)

// metronomeOptions are --sim-metronome and its companions; the zero value is a launch that plays vLLM as usual.
type metronomeOptions struct {
	metronome.Options
	// truth is the file that the truth is written to at the end; empty for none.
	truth string
}

// takeMetronome reads the flags of a metronome, which has neither an engine nor anything that could go wrong with one.
func (o *options) takeMetronome(v argValues) error {
	m := metronomeOptions{truth: v.text("--sim-metronome-truth", "")}
	m.Interval = v.duration("--sim-metronome", 0)
	m.TTFT = v.duration("--sim-metronome-ttft", defaultMetronomeTTFT)
	if m.Interval > 0 {
		if o.tree || len(o.faults) > 0 {
			return usagef("argument --sim-metronome: takes neither --sim-tree nor --sim-fault")
		}
		o.metronome = m
		return nil
	}
	for _, name := range []string{"--sim-metronome", "--sim-metronome-ttft", "--sim-metronome-truth"} {
		if _, given := v.lookup(name); given {
			return usagef("argument %s: needs a --sim-metronome above 0", name)
		}
	}
	return nil
}

// runMetronome serves as a metronome until ctx ends, and writes the truth then.
func (o *options) runMetronome(ctx context.Context, log *logger) error {
	m := o.metronome
	m.Models, m.Root, m.MaxModelLen, m.Version = o.servedNames, o.model, o.maxModelLen, o.version
	truth, err := createTruth(m.truth)
	if err != nil {
		return osError(err)
	}
	defer truth.discard()
	socket, err := bind(o.host, o.port, o.reusePort)
	if err != nil {
		return osError(err)
	}
	defer socket.close()
	listener, err := socket.listen()
	if err != nil {
		return osError(err)
	}
	log.info(fromAPI, "entry.py:140", "Starting vLLM server on http://%s", listener.Addr())
	readyLog(log, os.Getpid())
	if err := o.sayReady(); err != nil {
		log.line("ERROR: %v", err)
	}
	requests, err := metronome.Serve(ctx, listener, m.Options)
	if err != nil {
		return osError(err)
	}
	if err := truth.write(requests); err != nil {
		return osError(err)
	}
	log.farewell(os.Getpid())
	return nil
}

// pendingTruth is a truth file that gets its name when it is complete. A nil one is not written.
type pendingTruth struct {
	file *os.File
	path string
}

// createTruth makes a truth file, so that one that cannot be written is noticed before anything is served.
func createTruth(path string) (*pendingTruth, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("creating the truth file: %w", err)
	}
	return &pendingTruth{file, path}, nil
}

// discard removes what was not written to its end.
func (t *pendingTruth) discard() {
	if t == nil {
		return
	}
	_ = t.file.Close()
	_ = os.Remove(t.file.Name())
}

func (t *pendingTruth) write(requests []*metronome.Request) error {
	if t == nil {
		return nil
	}
	err := metronome.WriteTruth(t.file, requests)
	if err == nil {
		err = t.file.Close()
	}
	if err == nil {
		err = os.Rename(t.file.Name(), t.path)
	}
	if err != nil {
		return fmt.Errorf("writing the truth file: %w", err)
	}
	return nil
}
