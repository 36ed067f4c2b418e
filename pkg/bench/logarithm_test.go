package bench

import (
	"math"
	"testing"
)

func TestLogarithm(t *testing.T) {
	for x := 1e-300; x < 1e300; x *= 1.37 {
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 4e-16*max(math.Abs(want), 1) {
			t.Errorf("ln(%v): got %v, want %v", x, got, want)
		}
	}
	for x := 0.5; x < 2; x += 0.001 {
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 4e-16 {
			t.Errorf("ln(%v): got %v, want %v", x, got, want)
		}
	}
	for x := 1e-20; x < 700; x *= 1.17 {
		if got, want := exp(-x), math.Exp(-x); math.Abs(got-want) > 1e-13*want {
			t.Errorf("exp(−%v): got %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 1, -1e9: 0, math.Inf(-1): 0} {
		if got := exp(x); got != want {
			t.Errorf("exp(%v): got %v, want %v", x, got, want)
		}
	}
	if got := ln(1); got != 0 {
		t.Errorf("ln(1): got %v, want 0", got)
	}
}
