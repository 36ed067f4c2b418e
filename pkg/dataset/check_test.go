package dataset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	long := Set{Source: "long.pkl"}
	for i := range 12 {
		long.Prompts = append(long.Prompts, Prompt{Row: 100 + i, IDs: make([]int32, 10+i)})
	}
	few := setOf([]int32{1, 2, 3}, []int32{511, 512, 513}, []int32{4, 5, 6, 7}, []int32{600})
	const fit = "data set test does not fit (rows count from 0): "
	tests := []struct {
		name string
		set  Set
		l    Limits
		want string
	}{
		{"no limits", few, Limits{}, ""},
		{"just fits", few, Limits{MaxInputLen: 4, MaxModelLen: 1028, MaxOutputLen: 1024, VocabSize: 601}, ""},
		{"output alone does not count", few, Limits{MaxOutputLen: 1 << 20}, ""},
		{"vocabulary", few, Limits{VocabSize: 512}, fit + "ids outside of the model's vocabulary, at most 511 allowed: 2 rows: row 1 " +
			"has id 512 at 1, row 3 has id 600 at 0"},
		{"input length", few, Limits{MaxInputLen: 3},
			fit + "longer than the longest prompt allowed, at most 3 ids: 1 row: row 2 has 4 ids"},
		{"all at once", few, Limits{MaxInputLen: 2, MaxModelLen: 8, MaxOutputLen: 5, VocabSize: 600},
			fit + "too long for the model, at most 3 ids allowed (its limit of 8 less 5 of output): 1 row: row 2 has 4 ids; " +
				"longer than the longest prompt allowed, at most 2 ids: 3 rows: row 0 has 3 ids, row 1 has 3 ids, row 2 has 4 ids; " +
				"ids outside of the model's vocabulary, at most 599 allowed: 1 row: row 3 has id 600 at 0"},
		{"more than ten", long, Limits{MaxInputLen: 10}, "data set long.pkl does not fit (rows count from 0): longer than the " +
			"longest prompt allowed, at most 10 ids: 11 rows: row 101 has 11 ids, row 102 has 12 ids, row 103 has 13 ids, row 104 " +
			"has 14 ids, row 105 has 15 ids, row 106 has 16 ids, row 107 has 17 ids, row 108 has 18 ids, row 109 has 19 ids, row " +
			"110 has 20 ids and 1 more"},
		{"no room", few, Limits{MaxModelLen: 1024, MaxOutputLen: 1024}, "1024 ids of output leave no room for a prompt within the " +
			"model's limit of 1024; lower the output length or raise the limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.set.Check(tt.l); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

func TestSetFigures(t *testing.T) {
	set := setOf([]int32{1, 2, 3}, []int32{511}, []int32{4, 5, 6, 7, 8})
	if set.Tokens() != 9 || set.Shortest() != 1 || set.Longest() != 5 {
		t.Errorf("got %d tokens, %d to %d", set.Tokens(), set.Shortest(), set.Longest())
	}
	if none := (Set{}); none.Tokens() != 0 || none.Shortest() != 0 || none.Longest() != 0 {
		t.Errorf("of nothing: got %d tokens, %d to %d", none.Tokens(), none.Shortest(), none.Longest())
	}
	// By the Python in the doc of Hash.
	if got, want := set.Hash(), "2123247ac5847611ff2f843b5b1f7889aa38c9171b9da7bee018520738680114"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if setOf([]int32{1, 2}, []int32{3}).Hash() == setOf([]int32{1}, []int32{2, 3}).Hash() {
		t.Error("the lengths do not enter the hash")
	}
}
