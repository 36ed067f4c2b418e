package bench

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Arrivals say when requests are to be sent. The zero value has none.
type Arrivals struct {
	// N is the number of requests; with a Duration, the most that there may be.
	N int
	// Rate is the mean number of arrivals per second, +Inf for all at once. It counts where Ramp is nil.
	Rate float64
	// Ramp changes the rate as time goes by; nil for a rate that stays.
	Ramp *Ramp
	// Burstiness is the shape of the gamma distribution of the gaps: 1 makes arrivals Poisson, less come in bursts, more are
	// more regular, and +Inf makes all gaps equal. 0 stands for 1.
	Burstiness float64
	// Duration ends the arrivals: none is due at it or later. 0 is no limit.
	Duration time.Duration
	// Seed decides the gaps.
	Seed int64
}

// Schedule returns the offsets, from one start, at which requests are to be sent, not descending: all 0 for an infinite rate,
// otherwise arrivals with gamma gaps, whose mean is 1/Rate; with a ramp, 1 by the scale of the rate that has been summed up.
// The first request goes at 0 and the gaps follow it. The same arguments give the same offsets on every machine. Arrivals that
// make no sense (a rate or a burstiness that is no positive number) have no schedule: the result is nil. Offsets beyond what a
// Duration holds are its maximum.
//
// Note: benchmark_sqzb.py and vLLM's benchmark_serving.py send the first request at once and wait after each; so does this.
// Burstiness is that of vLLM's: gaps from the gamma distribution with shape b and scale 1/(rate·b). Its later versions stretch
// the gaps of a steady rate so that they add up to N/rate, which takes from the arrivals the very variation that they are meant
// to have; this does not. Nothing here comes from rand.ExpFloat64 or math.Log, whose last bits differ between processors, and
// every product is converted before it is added to something, because some processors fuse the two and round once.
func Schedule(a Arrivals) []time.Duration {
	if !a.valid() {
		return nil
	}
	offsets := []time.Duration{}
	if a.Duration == 0 {
		offsets = make([]time.Duration, 0, a.N)
	}
	for at := range a.offsets() {
		offsets = append(offsets, at)
	}
	return offsets
}

// Count is the length of the Schedule, without the memory for it.
func (a Arrivals) Count() int {
	n := 0
	if a.valid() {
		for range a.offsets() {
			n++
		}
	}
	return n
}

func (a Arrivals) valid() bool {
	rate := a.Ramp == nil && a.Rate > 0 || a.Ramp != nil && a.Ramp.valid()
	return a.N >= 0 && rate && a.Burstiness >= 0 && a.Duration >= 0
}

// offsets are those of valid arrivals, in order.
func (a Arrivals) offsets() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		random := rand.NewPCG(uint64(a.Seed), 0x73717a62)
		advance := a.clock()
		at := time.Duration(0)
		for n := 0; n < a.N && (a.Duration == 0 || at < a.Duration) && yield(at); n++ {
			at = advance(at, gap(random, a.Burstiness))
		}
	}
}

// clock turns gaps with mean 1 into time: the function it returns gives the offset of an arrival from that of the one before.
func (a Arrivals) clock() func(at time.Duration, gap float64) time.Duration {
	switch {
	case a.Ramp != nil:
		sum := 0.0
		return func(at time.Duration, gap float64) time.Duration {
			sum += gap
			return max(at, nanoseconds(a.Ramp.reaches(sum)))
		}
	case math.IsInf(a.Rate, 1):
		return func(at time.Duration, _ float64) time.Duration { return at }
	}
	return func(at time.Duration, gap float64) time.Duration {
		return at + min(nanoseconds(gap/a.Rate), math.MaxInt64-at)
	}
}

// nanoseconds is a time in seconds, not below 0, at most what a Duration holds.
func nanoseconds(seconds float64) time.Duration {
	ns := math.Round(float64(seconds * 1e9))
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
