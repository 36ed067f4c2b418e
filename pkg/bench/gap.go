package bench

import (
	"math"
	"math/rand/v2"
)

// gap draws from the gamma distribution with mean 1 and the given shape.
func gap(random *rand.PCG, shape float64) float64 {
	switch {
	case shape == 0 || shape == 1:
		return exponential(random)
	case math.IsInf(shape, 1):
		return 1
	}
	return gamma(random, shape) / shape
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
			return whole + fraction(first)
		}
	}
}

// fraction is a number from 0 to below 1. 53 bits are exact in a float64; the conversion keeps the product from being fused with
// what is added to it.
func fraction(bits uint64) float64 { return float64(float64(bits>>11) * 0x1p-53) }

// gamma draws from the gamma distribution with scale 1: G. Marsaglia and W. W. Tsang, A simple method for generating gamma
// variables, ACM Transactions on Mathematical Software 26 (2000). Of the two tests of that paper this makes the exact one only.
// A shape below 1 is theirs too: a draw of shape + 1, times a uniform number to the power of 1/shape.
//
// Note: −ln of a uniform number is exponential, and is drawn as that where the paper has the logarithm of one.
func gamma(random *rand.PCG, shape float64) float64 {
	if shape < 1 {
		return gamma(random, shape+1) * exp(-exponential(random)/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(float64(9*d))
	for {
		x := normal(random)
		root := 1 + float64(c*x)
		if root <= 0 {
			continue
		}
		v := float64(float64(root*root) * root)
		bound := float64(x*x/2) + float64(d*(1-v+ln(v)))
		if -exponential(random) < bound {
			return float64(d * v)
		}
	}
}

// normal draws from the standard normal distribution: the direction of a point of the unit disc, as in G. Marsaglia and
// T. A. Bray, A convenient method for generating normal variables, SIAM Review 6 (1964), with the distance of G. E. P. Box and
// M. E. Muller (1958), the root of twice an exponential number.
func normal(random *rand.PCG) float64 {
	for {
		x := float64(2*fraction(random.Uint64())) - 1
		y := float64(2*fraction(random.Uint64())) - 1
		if square := float64(x*x) + float64(y*y); square > 0 && square < 1 {
			return float64(x * math.Sqrt(float64(2*exponential(random))/square))
		}
	}
}
