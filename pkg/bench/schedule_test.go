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
	inf, second := math.Inf(1), time.Second
	ramp := &Ramp{From: 2, To: 20, Duration: 10 * second}
	for _, tt := range []struct {
		name string
		a    Arrivals
		want []time.Duration
	}{
		{"all at once", Arrivals{N: 3, Rate: inf}, []time.Duration{0, 0, 0}},
		{"one request", Arrivals{N: 1, Rate: 8}, []time.Duration{0}},
		{"one request of a ramp from nothing", Arrivals{N: 1, Ramp: &Ramp{0, 1, second}}, []time.Duration{0}},
		{"none", Arrivals{Rate: 8}, []time.Duration{}},
		{"seed 0", Arrivals{N: 6, Rate: 8}, golden0},
		{"seed 0, burstiness 1", Arrivals{N: 6, Rate: 8, Burstiness: 1}, golden0},
		{"seed 1", Arrivals{N: 6, Rate: 8, Seed: 1}, golden1},
		{"seed -1", Arrivals{N: 2, Rate: 8, Seed: -1}, goldenMinus1},
		{"bursts", Arrivals{N: 6, Rate: 8, Burstiness: 0.25}, goldenBursts},
		{"regular", Arrivals{N: 6, Rate: 8, Burstiness: 4, Seed: 1}, goldenRegular},
		{"even", Arrivals{N: 4, Rate: 8, Burstiness: inf}, []time.Duration{0, second / 8, second / 4, 3 * second / 8}},
		{"ramp", Arrivals{N: 6, Ramp: ramp, Seed: 1}, goldenRamp},
		{"ramp down, bursts", Arrivals{N: 6, Ramp: &Ramp{20, 2, second}, Burstiness: 0.5, Seed: 1}, goldenDown},
		// 1, 4 and 9 have come after 1, 2 and 3 s of a rate of 2t, 16 after 4 s, and 8 more in each second from then on.
		{"even ramp from nothing", Arrivals{N: 33, Ramp: &Ramp{0, 8, 4 * second}, Burstiness: inf}, evenRamp(33)},
		{"a ramp that stays counts, and no rate beside it", Arrivals{N: 3, Rate: 5, Ramp: &Ramp{8, 8, second}, Burstiness: inf},
			[]time.Duration{0, second / 8, second / 4}},
		{"next to never", Arrivals{N: 3, Rate: 1e-300}, []time.Duration{0, math.MaxInt64, math.MaxInt64}},
		{"a ramp next to never", Arrivals{N: 3, Ramp: &Ramp{1e-300, 5e-324, second}}, []time.Duration{0, math.MaxInt64, math.MaxInt64}},
		{"a ramp too steep to count", Arrivals{N: 3, Ramp: &Ramp{1e300, 1e308, 1}}, []time.Duration{0, 0, 0}},
		{"a fall too steep to count", Arrivals{N: 3, Ramp: &Ramp{1e308, 1, 1}}, []time.Duration{0, 0, 0}},
		{"nothing but bursts", Arrivals{N: 3, Rate: 8, Burstiness: 1e-300}, []time.Duration{0, 0, 0}},
		{"burstiness beyond measure", Arrivals{N: 3, Rate: 8, Burstiness: 1e300}, []time.Duration{0, second / 8, second / 4}},
		{"until after the third", Arrivals{N: 6, Rate: 8, Duration: golden0[2] + 1}, golden0[:3]},
		{"until the third", Arrivals{N: 6, Rate: 8, Duration: golden0[2]}, golden0[:2]},
		{"until hardly anything", Arrivals{N: 6, Rate: 8, Duration: 1}, golden0[:1]},
		{"until long after the last", Arrivals{N: 6, Rate: 8, Duration: math.MaxInt64}, golden0},
		{"all at once, until 1 s", Arrivals{N: 3, Rate: inf, Duration: second}, []time.Duration{0, 0, 0}},
		{"no rate", Arrivals{N: 3}, nil},
		{"negative rate", Arrivals{N: 3, Rate: -1}, nil},
		{"no number", Arrivals{N: 3, Rate: math.NaN()}, nil},
		{"negative count", Arrivals{N: -1, Rate: 8}, nil},
		{"negative burstiness", Arrivals{N: 3, Rate: 8, Burstiness: -1}, nil},
		{"burstiness is no number", Arrivals{N: 3, Rate: 8, Burstiness: math.NaN()}, nil},
		{"negative duration", Arrivals{N: 3, Rate: 8, Duration: -1}, nil},
		{"ramp to nothing", Arrivals{N: 3, Rate: 8, Ramp: &Ramp{1, 0, second}}, nil},
		{"ramp to no number", Arrivals{N: 3, Ramp: &Ramp{1, math.NaN(), second}}, nil},
		{"ramp to infinity", Arrivals{N: 3, Ramp: &Ramp{1, inf, second}}, nil},
		{"ramp from less than nothing", Arrivals{N: 3, Ramp: &Ramp{-1, 1, second}}, nil},
		{"ramp in no time", Arrivals{N: 3, Ramp: &Ramp{1, 2, 0}}, nil},
	} {
		if diff := cmp.Diff(tt.want, Schedule(tt.a)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
		if got := tt.a.Count(); got != len(tt.want) {
			t.Errorf("%s: count: got %d, want %d", tt.name, got, len(tt.want))
		}
	}
}

// evenRamp are n arrivals that are spread evenly over the sum of a rate that rises from 0 to 8 a second within 4 s.
func evenRamp(n int) []time.Duration {
	var offsets []time.Duration
	for i := range n {
		seconds := math.Sqrt(float64(i))
		if i > 16 {
			seconds = 4 + float64(i-16)/8
		}
		offsets = append(offsets, time.Duration(math.Round(seconds*1e9)))
	}
	return offsets
}

// Golden offsets at 8 requests a second: stored runs can be repeated only as long as these stay what they are.
var (
	golden0      = []time.Duration{0, 30503430, 84593854, 308708038, 531012126, 590440898}
	golden1      = []time.Duration{0, 60998102, 105772765, 186174050, 192488135, 318871078}
	goldenMinus1 = []time.Duration{0, 216488623}
	// The others are of this program's own making: what they are is held against theory below.
	goldenBursts  = []time.Duration{0, 142310, 208139601, 214720749, 271965075, 774458377}
	goldenRegular = []time.Duration{0, 102185756, 224557899, 354959209, 514363890, 717996174}
	goldenRamp    = []time.Duration{0, 221845471, 363599117, 588726629, 605156217, 906059551}
	goldenDown    = []time.Duration{0, 26544378, 95268052, 113485081, 144853769, 149290008}
)

// The exponential distribution is far from symmetric: its median is ln 2 of the mean, 1 − 1/e of it lie below the mean, and
// its standard deviation is the mean. A uniform or normal one with the right mean fails this.
func TestScheduleIsPoisson(t *testing.T) {
	const n = 200_000
	for _, rate := range []float64{0.5, 8, 2000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			offsets := Schedule(Arrivals{N: n + 1, Rate: rate, Seed: 42})
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
	if cmp.Equal(Schedule(Arrivals{N: 10, Rate: 1, Seed: 1}), Schedule(Arrivals{N: 10, Rate: 1, Seed: 2})) {
		t.Error("two seeds give the same schedule")
	}
}

// FuzzSchedule: whatever the arguments, offsets ascend from 0, there are as many as Count says, and never more than N or one
// that is not before Duration; without it, exactly N; and with a Duration they are the first of those without.
func FuzzSchedule(f *testing.F) {
	f.Add(uint16(10), 8.0, 0.0, 0.0, int64(0), 1.0, int64(0), int64(1))
	f.Add(uint16(10), 8.0, 2.0, 20.0, int64(time.Second), 0.5, int64(time.Second), int64(-1))
	f.Add(uint16(10), 8.0, 1e308, 1e-308, int64(1), 1e-5, int64(math.MaxInt64), int64(2))
	f.Fuzz(func(t *testing.T, n uint16, rate, from, to float64, within int64, burstiness float64, duration, seed int64) {
		a := Arrivals{N: int(n % 2000), Rate: rate, Burstiness: burstiness, Duration: time.Duration(duration), Seed: seed}
		if within != 0 {
			a.Ramp = &Ramp{from, to, time.Duration(within)}
		}
		got := Schedule(a)
		if a.Count() != len(got) || len(got) > a.N {
			t.Fatalf("%+v: %d offsets, counted %d", a, len(got), a.Count())
		}
		if got == nil {
			return
		}
		if duration == 0 && len(got) != a.N || len(got) > 0 && got[0] != 0 || !slices.IsSorted(got) {
			t.Fatalf("%+v: got %v", a, got)
		}
		if duration > 0 && len(got) > 0 && got[len(got)-1] >= a.Duration {
			t.Fatalf("%+v: the last is due at %v", a, got[len(got)-1])
		}
		a.Duration = 0
		if all := Schedule(a); !slices.Equal(all[:len(got)], got) {
			t.Fatalf("%+v: without the duration, others come first", a)
		}
	})
}
