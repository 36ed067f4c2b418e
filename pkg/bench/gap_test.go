package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// ks is the greatest distance of the sorted values' shares from a distribution, times the root of their number. It is above 1.95
// once in a thousand samples that have the distribution (Kolmogorov and Smirnov).
func ks(sorted []float64, below func(float64) float64) float64 {
	n, most := float64(len(sorted)), 0.0
	for i, x := range sorted {
		p := below(x)
		most = max(most, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	return most * math.Sqrt(n)
}

// farFromItsDistribution is what a sample with a fixed seed must stay below.
const farFromItsDistribution = 1.95

// erlang is the share below x of gaps with mean 1 whose shape is a whole number.
func erlang(shape int) func(float64) float64 {
	return func(x float64) float64 {
		y, term, sum := x*float64(shape), 1.0, 0.0
		for k := range shape {
			sum += term
			term *= y / float64(k+1)
		}
		return 1 - math.Exp(-y)*sum
	}
}

// chiSquare is that of shape ½: the square of a standard normal number.
func chiSquare(x float64) float64 { return math.Erf(math.Sqrt(x / 2)) }

// Mean and variance of n draws, each within five of its standard errors; the variance of a sample has the standard error
// σ²·√((κ−1)/n), and a gamma distribution of shape b has σ² = 1/b and κ = 3 + 6/b.
func TestGapMoments(t *testing.T) {
	const n = 200_000
	for _, shape := range []float64{0.1, 0.25, 0.5, 0.9, 1, 1.1, 2, 4, 30, 1000} {
		random := rand.NewPCG(7, 7)
		var sum, squares float64
		for range n {
			x := gap(random, shape)
			sum += x
			squares += (x - 1) * (x - 1)
		}
		mean, variance := sum/n, squares/n
		if off := math.Abs(mean-1) / math.Sqrt(1/shape/n); off > 5 {
			t.Errorf("shape %v: mean %.5f is %.1f standard errors from 1", shape, mean, off)
		}
		if off := math.Abs(variance-1/shape) / (1 / shape * math.Sqrt((2+6/shape)/n)); off > 5 {
			t.Errorf("shape %v: variance %.5f is %.1f standard errors from %.5f", shape, variance, off, 1/shape)
		}
	}
}

// The same moments could be had from many a distribution: here it is the whole one.
func TestGapDistribution(t *testing.T) {
	const n = 100_000
	for _, tt := range []struct {
		shape float64
		below func(float64) float64
	}{{0.5, chiSquare}, {1, erlang(1)}, {2, erlang(2)}, {4, erlang(4)}, {9, erlang(9)}} {
		t.Run(fmt.Sprint(tt.shape), func(t *testing.T) {
			random := rand.NewPCG(11, 11)
			gaps := make([]float64, n)
			for i := range gaps {
				gaps[i] = gap(random, tt.shape)
			}
			slices.Sort(gaps)
			if got := ks(gaps, tt.below); got > farFromItsDistribution {
				t.Errorf("distance %.2f, allowed %v", got, farFromItsDistribution)
			}
			// The test can tell: a shape that is off by a twentieth is far from it.
			random = rand.NewPCG(11, 11)
			for i := range gaps {
				gaps[i] = gap(random, tt.shape*1.05)
			}
			slices.Sort(gaps)
			if got := ks(gaps, tt.below); got < farFromItsDistribution {
				t.Errorf("shape %v passes for %v: distance %.2f", tt.shape*1.05, tt.shape, got)
			}
		})
	}
}
