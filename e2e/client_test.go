//go:build e2e

package e2e

import (
	"math"
	"testing"
)

const (
	// tpotShare is by how much the medians of TPOT by the client's clock and by the server's own may differ.
	tpotShare = 0.05
	// unstampedShare is how many of the chunks may be without a stamp where the wall clock of the machine was set meanwhile.
	unstampedShare = 0.01
)

// checkClient: the kernel stamps every chunk of a real server, hardly fewer while somebody sets the machine's clock, and what the
// client measures of decoding is what the server does.
func checkClient(t *testing.T, r *runDir) {
	client := value(t, "client.full", r.summary.Client.Full)
	unstamped, steps := value(t, "client.full.unstamped_chunks", client.Unstamped), value(t, "client.full.clock_steps", client.ClockSteps)
	// A server that lags puts more than one token into a chunk, so how many chunks there are is not known.
	chunks, allowed := r.summary.ICL.N+burst, 0.0
	if steps > 0 {
		allowed = unstampedShare * float64(chunks)
	}
	t.Logf("%d of %d chunks without a stamp; the clock was set %d times", unstamped, chunks, steps)
	if client.Stamps != "kernel" || float64(unstamped) > allowed {
		t.Errorf("stamps by %s, %d chunks without, want by the kernel and at most %v without", client.Stamps, unstamped, allowed)
	}
	if client.Lag.N+unstamped != chunks {
		t.Errorf("lags of %d chunks, want those of all %d but %d", client.Lag.N, chunks, unstamped)
	}
	seen, told := value(t, "client_tpot_ms.median", r.summary.ClientTPOT.Median), value(t, "tpot_ms.median", r.summary.TPOT.Median)
	t.Logf("lag p99 %.3f ms; median TPOT by the client %.4f ms, by the server %.4f ms (%+.2f %%); %.1f µs of CPU a chunk",
		value(t, "client.full.lag_ms.p99", client.Lag.P99), seen, told, 100*(seen/told-1),
		value(t, "client.full.cpu_us_per_chunk", client.CPUPerChunk))
	if math.Abs(seen/told-1) >= tpotShare {
		t.Errorf("median TPOT by the client %v ms, by the server %v ms; want less than %v %% apart", seen, told, 100*tpotShare)
	}
}
