package bench

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchedule(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		rate float64
		seed int64
		want []time.Duration
	}{
		{"all at once", 3, math.Inf(1), 0, []time.Duration{0, 0, 0}},
		{"one request", 1, 8, 0, []time.Duration{0}},
		{"none", 0, 8, 0, []time.Duration{}},
		{"seed 0", 6, 8, 0, golden0},
		{"seed 1", 6, 8, 1, golden1},
		{"seed -1", 2, 8, -1, goldenMinus1},
		{"next to never", 3, 1e-300, 0, []time.Duration{0, math.MaxInt64, math.MaxInt64}},
		{"no rate", 3, 0, 0, nil},
		{"negative rate", 3, -1, 0, nil},
		{"no number", 3, math.NaN(), 0, nil},
		{"negative count", -1, 8, 0, nil},
	} {
		if diff := cmp.Diff(tt.want, Schedule(tt.n, tt.rate, tt.seed)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

// Golden offsets at 8 requests a second: stored runs can be repeated only as long as these stay what they are.
var (
	golden0      = []time.Duration{0, 30503430, 84593854, 308708038, 531012126, 590440898}
	golden1      = []time.Duration{0, 60998102, 105772765, 186174050, 192488135, 318871078}
	goldenMinus1 = []time.Duration{0, 216488623}
)

// The exponential distribution is far from symmetric: its median is ln 2 of the mean, 1 − 1/e of it lie below the mean, and
// its standard deviation is the mean. A uniform or normal one with the right mean fails this.
func TestScheduleIsPoisson(t *testing.T) {
	const n = 200_000
	for _, rate := range []float64{0.5, 8, 2000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			offsets := Schedule(n+1, rate, 42)
			gaps := make([]float64, n)
			sum, squares, below := 0.0, 0.0, 0.0
			for i := range gaps {
				gaps[i] = (offsets[i+1] - offsets[i]).Seconds() * rate
				sum += gaps[i]
				squares += gaps[i] * gaps[i]
				if gaps[i] < 1 {
					below++
				}
			}
			slices.Sort(gaps)
			mean := sum / n
			for _, check := range []struct {
				name      string
				got, want float64
			}{
				{"mean", mean, 1},
				{"standard deviation", math.Sqrt(squares/n - mean*mean), 1},
				{"share below the mean", below / n, 1 - 1/math.E},
				{"median", gaps[n/2], math.Ln2},
				{"p99", gaps[n*99/100], math.Log(100)},
				{"p1", gaps[n/100], -math.Log(0.99)},
			} {
				// Four standard errors of the least certain of these at this n are about 3 %.
				if math.Abs(check.got-check.want) > 0.04*check.want {
					t.Errorf("%s: got %.4f, want %.4f", check.name, check.got, check.want)
				}
			}
		})
	}
}

func TestScheduleSeedsDiffer(t *testing.T) {
	if cmp.Equal(Schedule(10, 1, 1), Schedule(10, 1, 2)) {
		t.Error("two seeds give the same schedule")
	}
}
