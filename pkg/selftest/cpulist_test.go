package selftest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCPUs(t *testing.T) {
	tests := []struct {
		text string
		want []int
		ok   bool
	}{
		{"", nil, true},
		{"0", []int{0}, true},
		{"8, 0-3,2", []int{0, 1, 2, 3, 8}, true},
		{"3-1", nil, false},
		{"0-1024", nil, false},
		{"a", nil, false},
		{"1-", nil, false},
		{",", nil, false},
		{"-1", nil, false},
	}
	for _, tt := range tests {
		got, err := ParseCPUs(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err == nil) != tt.ok {
			t.Errorf("%q: error %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
}

func FuzzParseCPUs(f *testing.F) {
	for _, text := range []string{"0-3,8", "", "99999999999999999999", "1-2-3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cpus, err := ParseCPUs(text)
		if err == nil && (!slices.IsSorted(cpus) || len(cpus) > maxCPU || text != "" && len(cpus) == 0) {
			t.Errorf("%q: got %v", text, cpus)
		}
	})
}
