package selftest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/monotonic"
	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// Run measures every level of the ladder, fewest streams first. The error is about the options (ErrUsage), a *MetronomeError, or the
// cause of the end of ctx; the Result then has the levels that were complete, and nothing of what Run started is left in any case.
// While it runs with ClientCPUs the whole process is confined.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &session{Options: o, result: newResult(o)}
	if len(o.ClientCPUs) > 0 {
		rest, release, err := confine(o.ClientCPUs)
		if err != nil {
			return nil, err
		}
		defer release()
		s.result.ClientCPUs, s.result.ServerCPUs = slices.Clone(o.ClientCPUs), rest
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "sqzb-selftest-"); err != nil {
		return nil, fmt.Errorf("making a folder for the truth: %w", err)
	}
	defer os.RemoveAll(s.dir)
	err = s.levels(ctx)
	s.result.conclude()
	return s.result, err
}

func newResult(o Options) *Result {
	return &Result{Schema: Schema, Time: time.Now().UTC().Truncate(time.Second), Version: o.Version, Host: ThisHost(),
		IntervalMS: float64(o.Interval) / 1e6, DurationS: o.Duration.Seconds(), PromptTokens: promptTokens, ClientCPUs: []int{},
		ServerCPUs: []int{}, Levels: []Level{}}
}

// session is a Run under way.
type session struct {
	Options
	result *Result
	dir    string
}

func (s *session) levels(ctx context.Context) error {
	for _, streams := range slices.Compact(slices.Sorted(slices.Values(s.Streams))) {
		s.talk("%d streams for %v …", streams, s.Duration)
		l, err := s.level(ctx, streams)
		if err != nil {
			return err
		}
		s.result.Levels = append(s.result.Levels, l)
		s.talk("%d streams: %s", streams, l.line())
	}
	return nil
}

// level measures so many streams at once, with a metronome of their own.
func (s *session) level(ctx context.Context, streams int) (Level, error) {
	debug.FreeOSMemory() // what the level before has left is not this one's
	idle := residentBytes()
	dir, err := s.folder(streams)
	if err != nil {
		return Level{}, err
	}
	m, err := s.start(ctx, dir)
	if err != nil {
		return Level{}, err
	}
	defer m.kill()
	alive, cancel := m.until(ctx)
	defer cancel()
	pass, used, err := s.pass(alive, m, streams, dir)
	if err != nil {
		return Level{}, err
	}
	clock, err := monotonic.New()
	if err != nil {
		return Level{}, err
	}
	start := clock.Nanoseconds(pass.Start)
	truth, err := m.stop(ctx)
	if err != nil {
		return Level{}, err
	}
	used.serverCPU = m.cpu()
	used.grown -= idle
	if s.Keep != "" {
		if err := keepClock(dir, start); err != nil {
			return Level{}, err
		}
	}
	return figures(streams, compare(pass.Records, truth, start), used), nil
}

// errSlow ends a level that takes many times as long as it should: what is not done by then has failed.
var errSlow = errors.New("it takes far too long")

// slowAfter is a generous bound of a level.
func (s *session) slowAfter() time.Duration { return time.Minute + 5*(s.Duration+timeToFirst) }

// pass sends the requests and returns what was measured and used; the records go to dir as well.
func (s *session) pass(ctx context.Context, m *child, streams int, dir string) (bench.Pass, usage, error) {
	journal, err := os.Create(filepath.Join(dir, recordsFile))
	if err != nil {
		return bench.Pass{}, usage{}, fmt.Errorf("storing the records: %w", err)
	}
	defer journal.Close()
	c, err := client.New(client.Options{BaseURL: m.url, Connections: streams})
	if err != nil {
		return bench.Pass{}, usage{}, err
	}
	defer c.Close()
	b := s.requests(streams)
	b.Send, b.Sink = c.Complete, journal
	if err := c.Open(ctx, streams); err != nil {
		return bench.Pass{}, usage{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.slowAfter(), errSlow)
	defer cancel()
	peak := watchMemory()
	watch := telemetry.WatchSelf(false)
	pass, err := bench.Run(ctx, b)
	used := usage{elapsed: pass.Elapsed, cpu: watch.Stop().CPU, cores: runtime.GOMAXPROCS(0), grown: peak()}
	if errors.Is(err, errSlow) {
		err = nil
	}
	stats := c.Stats()
	s.result.Stamps, s.result.StampsWhy = string(stats.Stamps), stats.Why
	return pass, used, err
}
