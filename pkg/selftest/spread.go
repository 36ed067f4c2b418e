package selftest

import (
	"math"
	"slices"
)

// Spread is the distribution of a sample.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// spread sorts the sample; nil for an empty one.
func spread(sample []float64) *Spread {
	if len(sample) == 0 {
		return nil
	}
	slices.Sort(sample)
	return &Spread{P50: quantile(sample, 0.5), P99: quantile(sample, 0.99), Max: sample[len(sample)-1]}
}

// quantile interpolates linearly between the closest ranks of a sorted sample, as numpy does; 0 for an empty one.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := q * float64(len(sorted)-1)
	below := math.Floor(rank)
	low, high := sorted[int(below)], sorted[int(math.Ceil(rank))]
	return low + (high-low)*(rank-below)
}
