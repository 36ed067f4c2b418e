package dataset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These ids must never change: old results were measured with them.
func TestRandomIsPinned(t *testing.T) {
	tests := []struct {
		o    RandomOptions
		want [][]int32
	}{
		{RandomOptions{N: 2, Length: 5, Vocab: 128256}, [][]int32{{28556, 86665, 44049, 56517, 51255}, {9864, 93491, 61728, 95314, 115291}}},
		{RandomOptions{N: 1, Length: 4, Vocab: 32000, Seed: -7}, [][]int32{{3369, 24651, 26729, 28539}}},
	}
	for _, tt := range tests {
		got, err := Random(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(idsOf(got), tt.want); diff != "" {
			t.Errorf("%+v (-got +want):\n%s", tt.o, diff)
		}
	}
	big, err := Random(RandomOptions{N: 100, Length: 1000, Vocab: 151936, Seed: 42})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := big.Hash(), "50a2c1975b39c5b0e722b87ce5c0f6b9b9ba0b57ff1b6649b37f4a01fc74a7e6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRandomPrompts(t *testing.T) {
	tests := []RandomOptions{
		{N: 1024, Length: 64, Vocab: 512},
		{N: 1, Length: 3, Vocab: 1},
		{N: 1024, Length: 10, Vocab: 2, Seed: 3}, // every prompt that there is
		{N: 300, Length: 1, Vocab: 300, Seed: 4},
		{N: 3, Length: 200, Vocab: 2},
	}
	for _, o := range tests {
		set, err := Random(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Prompts) != o.N || set.RowsInFile != o.N || set.Format != FormatRandom || set.Source != "random" {
			t.Errorf("%+v: got %d prompts, %d rows, %s from %s", o, len(set.Prompts), set.RowsInFile, set.Format, set.Source)
		}
		seen := map[string]bool{}
		for row, p := range set.Prompts {
			if p.Row != row || len(p.IDs) != o.Length {
				t.Fatalf("%+v: row %d is %d with %d ids", o, row, p.Row, len(p.IDs))
			}
			for _, id := range p.IDs {
				if id < 0 || int(id) >= o.Vocab {
					t.Fatalf("%+v: id %d", o, id)
				}
			}
			if key := cmp.Diff(p.IDs, []int32(nil)); seen[key] {
				t.Fatalf("%+v: row %d is there twice", o, row)
			} else {
				seen[key] = true
			}
		}
	}
}

// All ids come up, about equally often.
func TestRandomIsUniform(t *testing.T) {
	const vocab, n = 50, 100_000
	set, err := Random(RandomOptions{N: 1, Length: n, Vocab: vocab, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var counts [vocab]int
	for _, id := range set.Prompts[0].IDs {
		counts[id]++
	}
	for id, c := range counts {
		if c < n/vocab*9/10 || c > n/vocab*11/10 {
			t.Errorf("id %d came up %d times of %d", id, c, n)
		}
	}
}

func TestRandomRefuses(t *testing.T) {
	tests := []struct {
		o    RandomOptions
		want string
	}{
		{RandomOptions{N: 0, Length: 1, Vocab: 1}, "the number of prompts is 0; allowed: 1 or more"},
		{RandomOptions{N: 1, Length: 0, Vocab: 1}, "the length of a prompt is 0; allowed: 1 or more"},
		{RandomOptions{N: 1, Length: 1, Vocab: 0}, "the vocabulary has 0 ids; allowed: 1 to 2147483647"},
		{RandomOptions{N: 1, Length: 1, Vocab: 1 << 31}, "the vocabulary has 2147483648 ids; allowed: 1 to 2147483647"},
		{RandomOptions{N: 1024, Length: 1, Vocab: 512},
			"1024 prompts of length 1 cannot differ with a vocabulary of 512 ids; there are 512"},
	}
	for _, tt := range tests {
		_, err := Random(tt.o)
		if err == nil {
			t.Fatalf("%+v: no error", tt.o)
		}
		if diff := cmp.Diff(err.Error(), "making random prompts: "+tt.want); diff != "" {
			t.Errorf("%+v (-got +want):\n%s", tt.o, diff)
		}
	}
}
