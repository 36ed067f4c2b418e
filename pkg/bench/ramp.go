package bench

import (
	"math"
	"time"
)

// Ramp is a rate that changes linearly, from one number of arrivals per second at the start to another after Duration, and then
// stays there. From may be 0.
type Ramp struct {
	From, To float64
	Duration time.Duration
}

func (r *Ramp) valid() bool {
	return r.From >= 0 && r.To > 0 && !math.IsInf(r.From, 1) && !math.IsInf(r.To, 1) && r.Duration > 0
}

// reaches is the time, in seconds from the start, at which the rate has summed up to a number of arrivals: the inverse of the
// cumulative rate. Arrivals with a rate of 1, taken through it, have the rate of the ramp (time rescaling: E. Çınlar,
// Introduction to Stochastic Processes, 1975, chapter 4).
//
// Note: within the ramp the sum is From·t + (To−From)·t²/(2·Duration). Of its inverse this is the form that subtracts nothing
// from a number of like size, whether the ramp rises or falls. Everything is divided by the greater rate first, so that no
// square overflows.
func (r *Ramp) reaches(arrivals float64) float64 {
	if arrivals == 0 {
		return 0
	}
	unit, lasts := max(r.From, r.To), r.Duration.Seconds()
	from, to, sum := r.From/unit, r.To/unit, arrivals/unit
	ramped := float64((from + to) / 2 * lasts)
	if sum >= ramped {
		return lasts + float64((sum-ramped)/to)
	}
	square := float64(from*from) + float64(2*(to-from)/lasts*sum)
	return 2 * sum / (from + math.Sqrt(max(square, 0)))
}
