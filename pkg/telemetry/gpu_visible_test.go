package telemetry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVisibleGPUs(t *testing.T) {
	same := []GPU{{Index: 0, UUID: "GPU-aa10"}, {Index: 1, UUID: "GPU-bb20"}, {Index: 2, UUID: "GPU-ab30"}}
	mixed := []GPU{{Index: 0, UUID: "GPU-aa10", Name: "slow"}, {Index: 1, UUID: "GPU-bb20", Name: "fast"}}
	for _, tt := range []struct {
		name string
		list []GPU
		env  []string
		want []int
	}{
		{"not set", same, []string{"PATH=/bin"}, []int{0, 1, 2}},
		{"empty hides all", same, []string{"CUDA_VISIBLE_DEVICES="}, nil},
		{"one", same, []string{"CUDA_VISIBLE_DEVICES=1"}, []int{1}},
		{"in their order, each once", same, []string{"CUDA_VISIBLE_DEVICES=2, 0,2"}, []int{2, 0}},
		{"the last value counts", same, []string{"CUDA_VISIBLE_DEVICES=1", "CUDA_VISIBLE_DEVICES=2"}, []int{2}},
		{"what comes after -1 is hidden", same, []string{"CUDA_VISIBLE_DEVICES=1,-1,2"}, []int{1}},
		{"what comes after one that is not there is hidden", same, []string{"CUDA_VISIBLE_DEVICES=1,7,2"}, []int{1}},
		{"by UUID", same, []string{"CUDA_VISIBLE_DEVICES=GPU-bb20,GPU-aa10"}, []int{1, 0}},
		{"by the beginning of a UUID", same, []string{"CUDA_VISIBLE_DEVICES=GPU-ab"}, []int{2}},
		{"no GPU", same, []string{"CUDA_VISIBLE_DEVICES=none"}, nil},
		{"a part of a GPU", same, []string{"CUDA_VISIBLE_DEVICES=MIG-GPU-bb20/1/0"}, []int{1}},
		{"a part that does not name its GPU", same, []string{"CUDA_VISIBLE_DEVICES=MIG-1f2e"}, []int{0, 1, 2}},
		{"a number among several kinds names none for sure", mixed, []string{"CUDA_VISIBLE_DEVICES=0"}, []int{0, 1}},
		{"unless by the bus", mixed, []string{"CUDA_VISIBLE_DEVICES=1", "CUDA_DEVICE_ORDER=PCI_BUS_ID"}, []int{1}},
		{"a UUID names one of several kinds", mixed, []string{"CUDA_VISIBLE_DEVICES=GPU-bb20"}, []int{1}},
		{"no GPUs", nil, []string{"CUDA_VISIBLE_DEVICES=0"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []int
			for _, g := range visibleGPUs(tt.list, tt.env) {
				got = append(got, g.Index)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}
