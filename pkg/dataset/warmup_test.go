package dataset

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sharedPrefix is the number of ids that two prompts begin with alike.
func sharedPrefix(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func TestWarmupSharesNothing(t *testing.T) {
	dense := Set{} // every id of a vocabulary of 8 begins a prompt, and id 3 is followed by every id
	for i := range int32(8) {
		dense.Prompts = append(dense.Prompts, Prompt{IDs: []int32{i, 1, 2}}, Prompt{IDs: []int32{3, i, 2}})
	}
	random, err := Random(RandomOptions{N: 1024, Length: 100, Vocab: 128256})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		o      WarmupOptions
		avoid  Set
		shared int // the longest prefix that may be shared
	}{
		{"nothing to avoid", WarmupOptions{N: 3, Length: 4, Vocab: 10}, Set{}, 0},
		{"random prompts", WarmupOptions{N: 257, Length: 100, Vocab: 128256}, random, 0},
		{"all ids but three", WarmupOptions{N: 3, Length: 2, Vocab: 6}, setOf([]int32{0}, []int32{2, 5}, []int32{4}), 0},
		{"every first id taken", WarmupOptions{N: 20, Length: 5, Vocab: 8}, dense, 1},
		{"more prompts than ids", WarmupOptions{N: 20, Length: 5, Vocab: 8}, setOf([]int32{1, 1}, []int32{2, 2, 2}), 1},
		{"three deep", WarmupOptions{N: 1, Length: 3, Vocab: 2}, setOf([]int32{0, 0, 1}, []int32{0, 1}, []int32{1}), 2},
		{"none", WarmupOptions{N: 0}, random, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Warmup(tt.o, tt.avoid)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Prompts) != tt.o.N {
				t.Fatalf("got %d prompts", len(got.Prompts))
			}
			others := slices.Concat(idsOf(tt.avoid), idsOf(got))
			for i, p := range got.Prompts {
				if len(p.IDs) != tt.o.Length || slices.Max(p.IDs) >= int32(tt.o.Vocab) {
					t.Errorf("got %v", p.IDs)
				}
				for j, other := range others {
					if j != len(tt.avoid.Prompts)+i && sharedPrefix(p.IDs, other) > tt.shared {
						t.Errorf("%v and %v begin alike", p.IDs, other)
					}
				}
			}
			again, err := Warmup(tt.o, tt.avoid)
			if diff := cmp.Diff(again, got); err != nil || diff != "" {
				t.Errorf("not the same again: %v\n%s", err, diff)
			}
		})
	}
}

// A prompt of the data set is never the beginning of a warm-up prompt: what is generated after it could continue it so.
func TestWarmupDoesNotContinueAPrompt(t *testing.T) {
	got, err := Warmup(WarmupOptions{N: 2, Length: 3, Vocab: 2}, setOf([]int32{0}, []int32{1, 1}))
	const want = "making warm-up prompts: of 2 prompts of 3 ids below 2 only 1 can begin differently from all prompts of the " +
		"data set; ask for at most as many, or use longer ones"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, %v", idsOf(got), err)
	}
	one, err := Warmup(WarmupOptions{N: 1, Length: 3, Vocab: 2}, setOf([]int32{0}, []int32{1, 1}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one.Prompts[0].IDs[:2], []int32{1, 0}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestWarmupRefuses(t *testing.T) {
	tests := []struct {
		o     WarmupOptions
		avoid Set
		want  string
	}{
		{WarmupOptions{N: -1, Length: 1, Vocab: 1}, Set{}, "the number of prompts is -1; allowed: 1 or more"},
		{WarmupOptions{N: 1, Length: 0, Vocab: 1}, Set{}, "the length of a prompt is 0; allowed: 1 or more"},
		{WarmupOptions{N: 1, Length: 1, Vocab: 0}, Set{}, "the vocabulary has 0 ids; allowed: 1 to 2147483647"},
		{WarmupOptions{N: 1, Length: 9, Vocab: 2}, setOf([]int32{0}, []int32{1}),
			"of 1 prompts of 9 ids below 2 only 0 can begin differently from all prompts of the data set; ask for at most as many, " +
				"or use longer ones"},
		{WarmupOptions{N: 1, Length: 1, Vocab: 2}, setOf([]int32{0, 1}, []int32{1, 1}),
			"of 1 prompts of 1 ids below 2 only 0 can begin differently from all prompts of the data set; ask for at most as many, " +
				"or use longer ones"},
	}
	for _, tt := range tests {
		_, err := Warmup(tt.o, tt.avoid)
		if err == nil {
			t.Fatalf("%+v: no error", tt.o)
		}
		if diff := cmp.Diff(err.Error(), "making warm-up prompts: "+tt.want); diff != "" {
			t.Errorf("%+v (-got +want):\n%s", tt.o, diff)
		}
	}
}
