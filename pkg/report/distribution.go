package report

import (
	"math"
	"slices"
)

// Distribution describes a sample. N = 0 has no numbers, and N = 1 no standard deviation: absent values are nil, never 0.
// The unit is in the name of the metric.
type Distribution struct {
	N    int      `json:"n"`
	Mean *float64 `json:"mean"`
	// Std is the sample standard deviation, divided by n − 1.
	Std    *float64 `json:"std"`
	Min    *float64 `json:"min"`
	Median *float64 `json:"median"`
	P90    *float64 `json:"p90"`
	P95    *float64 `json:"p95"`
	P99    *float64 `json:"p99"`
	Max    *float64 `json:"max"`
}

// describe makes the distribution of values, which it sorts. Sums are taken in sorted order, so the result does not depend
// on the order of the records.
func describe(values []float64) Distribution {
	n := len(values)
	if n == 0 {
		return Distribution{}
	}
	slices.Sort(values)
	mean := sum(values) / float64(n)
	d := Distribution{
		N: n, Mean: &mean,
		Min: ptr(values[0]), Median: percentile(values, 50), P90: percentile(values, 90), P95: percentile(values, 95),
		P99: percentile(values, 99), Max: ptr(values[n-1]),
	}
	if n > 1 {
		d.Std = ptr(math.Sqrt(squares(values, mean) / float64(n-1)))
	}
	return d
}

func sum(values []float64) float64 {
	var s float64
	for _, v := range values {
		s += v
	}
	return s
}

// squares is the sum of the squared distances from mean. The conversion forbids a fused multiply-add, which some machines
// would use and others not: a report made again elsewhere has the same bytes.
func squares(values []float64, mean float64) float64 {
	var s float64
	for _, v := range values {
		s += float64((v - mean) * (v - mean))
	}
	return s
}

// percentile is the p-th percentile (0 to 100) of a sorted, non-empty sample by linear interpolation between closest ranks:
// the default ("linear") of numpy and pandas.
func percentile(sorted []float64, p float64) *float64 {
	rank := p / 100 * float64(len(sorted)-1)
	low := int(rank)
	if low >= len(sorted)-1 {
		return ptr(sorted[len(sorted)-1])
	}
	a, b, t := sorted[low], sorted[low+1], rank-float64(low)
	// From the nearer end, as numpy does, so that the last digits agree too.
	if t >= 0.5 {
		return ptr(b - float64((b-a)*(1-t)))
	}
	return ptr(a + float64((b-a)*t))
}

func ptr[T any](v T) *T { return &v }
