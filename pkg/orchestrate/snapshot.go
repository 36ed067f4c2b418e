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
// A server without metrics (--disable-log-stats) gives no file, and 0.
func (p *pass) snapshot(ctx context.Context, file string, want int) int {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var text []byte
	finished := 0.0
	for {
		fresh, err := p.control.Metrics(ctx)
		if err != nil {
			break
		}
		text = fresh
		metrics, err := telemetry.ParseMetrics(text)
		if err != nil {
			break
		}
		n, counted := metrics.Sum(finishedMetric)
		finished = n
		if !counted || int(finished) >= want || !pause(ctx, settleEvery) {
			break
		}
	}
	if text == nil {
		p.o.Observe(Note{Text: p.name + ": the server has no /metrics; its own counters are not stored"})
		return 0
	}
	if err := report.WriteFile(filepath.Join(p.dir, file), text); err != nil {
		p.o.Observe(Note{Text: "storing the server's metrics: " + err.Error()})
	}
	return int(finished)
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
