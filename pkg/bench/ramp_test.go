package bench

import (
	"math"
	"testing"
	"time"
)

// sum is the number of arrivals that a ramp has on average until t seconds: its rate, integrated.
func (r *Ramp) sum(t float64) float64 {
	lasts := r.Duration.Seconds()
	ramped := min(t, lasts)
	return r.From*ramped + (r.To-r.From)*ramped*ramped/(2*lasts) + r.To*(t-ramped)
}

var ramps = map[string]*Ramp{
	"rising":       {2, 20, 500 * time.Second},
	"falling":      {20, 2, 500 * time.Second},
	"from nothing": {0, 20, 500 * time.Second},
	"next to none": {20, 1e-3, 500 * time.Second},
	"steady":       {10, 10, 500 * time.Second},
	"at once":      {1, 20, 1},
}

func TestRampReachesIsTheInverse(t *testing.T) {
	for name, r := range ramps {
		for _, at := range []float64{1e-9, 1e-3, 1, 250, 499.999, 500, 500.001, 1e6} {
			if got := r.reaches(r.sum(at)); math.Abs(got-at) > 1e-9*max(at, 1) {
				t.Errorf("%s: at %v s: got %v", name, at, got)
			}
		}
	}
}

// Given how many there are until an instant, Poisson arrivals lie there like as many independent draws whose distribution is the
// cumulative rate, as a share. The first is no draw: it is at 0.
func TestRampArrivalsFollowTheRate(t *testing.T) {
	for name, r := range ramps {
		for _, until := range []time.Duration{r.Duration, 700 * time.Second} {
			offsets := Schedule(Arrivals{N: 1 << 20, Ramp: r, Duration: until, Seed: 3})[1:]
			whole := r.sum(until.Seconds())
			if off := math.Abs(float64(len(offsets))-whole) / math.Sqrt(whole); off > 4.5 {
				t.Errorf("%s until %v: %d arrivals are %.1f standard deviations from %.0f", name, until, len(offsets), off, whole)
			}
			seconds := make([]float64, len(offsets))
			for i, at := range offsets {
				seconds[i] = at.Seconds()
			}
			if got := ks(seconds, func(t float64) float64 { return r.sum(t) / whole }); len(seconds) > 0 && got > farFromItsDistribution {
				t.Errorf("%s until %v: distance %.2f, allowed %v", name, until, got, farFromItsDistribution)
			}
			if got := ks(seconds, func(t float64) float64 { return t / until.Seconds() }); name == "rising" && got < 5 {
				t.Errorf("%s until %v passes for a steady rate: distance %.2f", name, until, got)
			}
		}
	}
}

// Rescaled back, the gaps of a ramp are those of a steady rate of 1, of whatever burstiness.
func TestRampKeepsTheBurstiness(t *testing.T) {
	r := ramps["rising"]
	for _, shape := range []float64{0.5, 4} {
		const n = 50_000
		offsets := Schedule(Arrivals{N: n + 1, Ramp: r, Burstiness: shape, Seed: 5})
		squares := 0.0
		for i := range n {
			gap := r.sum(offsets[i+1].Seconds()) - r.sum(offsets[i].Seconds())
			squares += (gap - 1) * (gap - 1)
		}
		if off := math.Abs(squares/n-1/shape) / (1 / shape * math.Sqrt((2+6/shape)/n)); off > 5 {
			t.Errorf("burstiness %v: variance %.4f is %.1f standard errors from %v", shape, squares/n, off, 1/shape)
		}
	}
}
