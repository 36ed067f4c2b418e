package bench

import "math"

// This file has what package math computes by other instructions on other processors, so that a schedule is the same everywhere.
// math.Frexp, Ldexp, Sqrt, Floor and Round are exact, or rounded as IEEE 754 demands, on all of them.

// ln is the natural logarithm of a positive number, to about 15 digits: x = m·2^k with m within √½ and √2, and
// ln m = 2·(s + s³/3 + s⁵/5 + …) with s = (m−1)/(m+1) (Abramowitz and Stegun, Handbook of Mathematical Functions, 4.1.27).
func ln(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for odd := 25.0; odd >= 1; odd -= 2 { // s is at most 0.172, and s²⁷ below 1e-20
		sum = float64(sum*square) + 1/odd
	}
	return float64(float64(k)*math.Ln2) + float64(2*s*sum)
}

// exp is e to the power of a number not above 0, to about 15 digits: e^x = 2^k·e^r with r within ± ln 2/2, and the series of
// e^r (Abramowitz and Stegun, 4.2.1).
func exp(x float64) float64 {
	if x < -750 { // below the smallest float64
		return 0
	}
	k := math.Floor(x/math.Ln2 + 0.5)
	r := x - float64(k*math.Ln2)
	sum := 1.0
	for n := 17.0; n >= 1; n-- { // 0.35¹⁸/18! is below 1e-23
		sum = 1 + float64(sum*r)/n
	}
	return math.Ldexp(sum, int(k))
}
