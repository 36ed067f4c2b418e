package orchestrate

import (
	"context"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// The server counts a request as finished a moment after its last byte was sent; a snapshot waits for that, but not longer
// than settleTimeout.
const (
	settleTimeout = 2 * time.Second
	settleEvery   = 50 * time.Millisecond
)

// finishedMetric counts the requests that the server has finished.
const finishedMetric = "vllm:request_success"

// snapshot stores the server's /metrics once they count at least want finished requests, and returns how many they count.
// A server without /metrics gives no file, and 0.
func (p *pass) snapshot(ctx context.Context, file string, want int) int {
	text, finished := settled(ctx, p.control.Metrics, want)
	if text == nil {
		p.o.Observe(Note{Text: p.name + ": the server has no /metrics; its own counters are not stored"})
		return 0
	}
	if err := report.WriteFile(filepath.Join(p.dir, file), text); err != nil {
		p.o.Observe(Note{Text: "storing the server's metrics: " + err.Error()})
	}
	return finished
}

// settled fetches metrics until they count at least want finished requests, or for settleTimeout, and returns the last ones
// with their count; nil when there are none. How long a fetch may take is its own affair: a server that is slow to answer after
// a burst is not one without metrics.
func settled(ctx context.Context, fetch func(context.Context) ([]byte, error), want int) (text []byte, finished int) {
	for startedAt := time.Now(); ; {
		fresh, err := fetch(ctx)
		if err != nil {
			return text, finished
		}
		text = fresh
		metrics, err := telemetry.ParseMetrics(text)
		if err != nil {
			return text, finished
		}
		n, counted := metrics.Sum(finishedMetric)
		finished = int(n)
		if !counted || finished >= want || time.Since(startedAt) >= settleTimeout || !pause(ctx, settleEvery) {
			return text, finished
		}
	}
}

// pause waits, and reports whether ctx still allows to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
