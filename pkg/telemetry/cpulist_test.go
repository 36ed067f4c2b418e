package telemetry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCPUList(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  CPUList
		count int
	}{
		{"0", CPUList{{0, 0}}, 1},
		{"0-3,8", CPUList{{0, 3}, {8, 8}}, 5},
		{"8, 2-3", CPUList{{8, 8}, {2, 3}}, 3},
		{"0-8191", CPUList{{0, 8191}}, 8192},
		{"", nil, 0}, {"3-1", nil, 0}, {"a", nil, 0}, {"1-", nil, 0}, {",", nil, 0}, {"-1", nil, 0}, {"0-99999999999999999999", nil, 0},
	} {
		got, ok := ParseCPUList(tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != nil) || got.Count() != tt.count {
			t.Errorf("%q: got %t, count %d (-want +got):\n%s", tt.text, ok, got.Count(), diff)
		}
	}
	list := CPUList{{0, 3}, {8, 8}}
	for processor, want := range map[int]bool{0: true, 3: true, 4: false, 7: false, 8: true, 9: false} {
		if got := list.Has(processor); got != want {
			t.Errorf("%d: got %t", processor, got)
		}
	}
}
