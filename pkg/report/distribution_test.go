package report

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// near compares floats to a relative 1e-12.
var near = cmp.Comparer(func(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
})

// numbers makes a Distribution of mean, std, min, median, p90, p95, p99, max; NaN is absent.
func numbers(n int, v ...float64) Distribution {
	p := make([]*float64, 8)
	for i, x := range v {
		if !math.IsNaN(x) {
			p[i] = &x
		}
	}
	return Distribution{N: n, Mean: p[0], Std: p[1], Min: p[2], Median: p[3], P90: p[4], P95: p[5], P99: p[6], Max: p[7]}
}

// The wanted numbers are those of numpy 2.3.5: mean, std(ddof=1), percentile with its default method.
func TestDescribeAsNumpy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []float64
		want   Distribution
	}{
		{"none", nil, Distribution{}},
		{"one has no deviation", []float64{3.5}, numbers(1, 3.5, math.NaN(), 3.5, 3.5, 3.5, 3.5, 3.5, 3.5)},
		{"two", []float64{2, 1}, numbers(2, 1.5, 0.7071067811865476, 1, 1.5, 1.9, 1.95, 1.99, 2)},
		{"mean far from median", []float64{10, 1, 7, 2, 300},
			numbers(5, 64, 131.97916502236254, 1, 7, 184.00000000000003, 241.99999999999994, 288.4, 300)},
		{"long tail", []float64{0.3, 0.1, 0.2, 11.7, 5.25, 0.1, 42.125, 8, 9.5, 1000.0625, 3},
			numbers(11, 98.2125, 299.35342411813167, 0.1, 5.25, 42.125, 521.09375, 904.2687500000003, 1000.0625)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(describe(tc.values), tc.want, near); diff != "" {
				t.Errorf("describe (-got +want):\n%s", diff)
			}
		})
	}
}

func TestDescribeDoesNotDependOnOrder(t *testing.T) {
	a := describe([]float64{0.1, 0.2, 0.3, 1e9, 7e-9, 0.7})
	b := describe([]float64{7e-9, 1e9, 0.7, 0.3, 0.2, 0.1})
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the same values in another order differ:\n%s", diff)
	}
}

func TestEmptyDistributionHasNoNumbers(t *testing.T) {
	got, err := json.Marshal(Distribution{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"n":0,"mean":null,"std":null,"min":null,"median":null,"p90":null,"p95":null,"p99":null,"max":null}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
