//go:build e2e

package e2e

import (
	"math"
	"testing"
)

// tpotShare is by how much the medians of TPOT by the client's clock and by the server's own may differ.
const tpotShare = 0.05

// checkClient: the kernel stamps every chunk of a real server, and what the client measures of decoding is what the server does.
func checkClient(t *testing.T, r *runDir) {
	client := value(t, "client.full", r.summary.Client.Full)
	if client.Stamps != "kernel" || value(t, "client.full.unstamped_chunks", client.Unstamped) != 0 {
		t.Errorf("stamps by %s, %d chunks without; want all by the kernel", client.Stamps, *client.Unstamped)
	}
	// A server that lags puts more than one token into a chunk, so how many chunks there are is not known.
	if want := r.summary.ICL.N + burst; client.Lag.N != want {
		t.Errorf("lags of %d chunks, want those of all %d", client.Lag.N, want)
	}
	seen, told := value(t, "client_tpot_ms.median", r.summary.ClientTPOT.Median), value(t, "tpot_ms.median", r.summary.TPOT.Median)
	t.Logf("lag p99 %.3f ms; median TPOT by the client %.4f ms, by the server %.4f ms (%+.2f %%); %.1f µs of CPU a chunk",
		value(t, "client.full.lag_ms.p99", client.Lag.P99), seen, told, 100*(seen/told-1),
		value(t, "client.full.cpu_us_per_chunk", client.CPUPerChunk))
	if math.Abs(seen/told-1) >= tpotShare {
		t.Errorf("median TPOT by the client %v ms, by the server %v ms; want less than %v %% apart", seen, told, 100*tpotShare)
	}
}
