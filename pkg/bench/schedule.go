package bench

import (
	"math"
	"math/rand/v2"
	"time"
)

// Schedule returns the offsets, from one start, at which n requests are to be sent at a mean rate per second: all 0 for an
// infinite rate, otherwise Poisson arrivals, which means exponential gaps with mean 1/rate. The first request goes at 0
// and the gaps follow it. The same arguments give the same offsets on every machine. A rate that is no positive
// number has no schedule: the result is nil. Offsets beyond what a Duration holds are its maximum.
//
// Note: benchmark_sqzb.py and vLLM's benchmark_serving.py send the first request at once and wait after each; so does
// this. The gaps do not come from rand.ExpFloat64 or math.Log, whose last bits differ between processors.
func Schedule(n int, rate float64, seed int64) []time.Duration {
	if n < 0 || math.IsNaN(rate) || rate <= 0 {
		return nil
	}
	offsets := make([]time.Duration, n)
	if math.IsInf(rate, 1) {
		return offsets
	}
	random := rand.NewPCG(uint64(seed), 0x73717a62)
	for i := 1; i < n; i++ {
		gap := nanoseconds(exponential(random), rate)
		offsets[i] = offsets[i-1] + min(gap, math.MaxInt64-offsets[i-1])
	}
	return offsets
}

// exponential draws from the exponential distribution with mean 1 by John von Neumann's method (1951), which only
// compares uniform numbers: the whole part counts failed rounds, the fraction is the first number of the round whose
// descending run has odd length.
func exponential(random *rand.PCG) float64 {
	for whole := 0.0; ; whole++ {
		first := random.Uint64()
		odd := true
		for last := first; ; odd = !odd {
			next := random.Uint64()
			if next >= last {
				break
			}
			last = next
		}
		if odd {
			// 53 bits are exact in a float64; the conversions keep the sum from being fused with the product.
			return whole + float64(float64(first>>11)*0x1p-53)
		}
	}
}

// nanoseconds is a gap of x mean gaps at the given rate.
func nanoseconds(x, rate float64) time.Duration {
	ns := math.Round(float64(float64(x/rate) * 1e9))
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
