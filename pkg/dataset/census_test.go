package dataset

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCensus(t *testing.T) {
	tests := []struct {
		name string
		rows [][]int32
		want Census // without BlockSize, Prompts and Tokens
	}{
		{"no prompts", nil, Census{}},
		{"one", [][]int32{{1, 2, 3, 4, 5}}, Census{}},
		{"nothing in common", [][]int32{{1, 2, 3, 4}, {2, 2, 3, 4}, {1, 3, 3, 4}}, Census{}},
		{"less than a block in common", [][]int32{{1, 1, 3}, {1, 2, 3}}, Census{}},
		{"a block", [][]int32{{1, 2, 3}, {1, 2, 4}}, Census{SharedTokens: 2, SharingPrompts: 2}},
		{"a block and a half", [][]int32{{1, 2, 3, 4}, {1, 2, 3, 5}}, Census{SharedTokens: 2, SharingPrompts: 2}},
		{"a block of three", [][]int32{{1, 2, 3}, {9, 9, 9}, {1, 2, 4}, {1, 2, 5}}, Census{SharedTokens: 4, SharingPrompts: 3}},
		{"the same block elsewhere", [][]int32{{1, 2, 3, 4, 5}, {9, 9, 3, 4, 5}}, Census{}},
		// The first in the order of the file need not be the one that is served first.
		{"the shorter one last", [][]int32{{1, 2, 3, 4, 5}, {1, 2, 3, 4}}, Census{SharedTokens: 4, SharingPrompts: 2, Continuations: 1}},
		{"a prompt of one block has no hit", [][]int32{{1, 2}, {1, 2, 3}}, Census{SharedTokens: 2, SharingPrompts: 1, Continuations: 1}},
		{"whole blocks, twice", [][]int32{{1, 2, 3, 4}, {1, 2, 3, 4}}, Census{SharedTokens: 2, SharingPrompts: 2, Duplicates: []Duplicate{{1, 0}}}},
		{"no whole blocks, three times", [][]int32{{1, 2, 3}, {7, 7}, {1, 2, 3}, {1, 2, 3}},
			Census{SharedTokens: 4, SharingPrompts: 3, Duplicates: []Duplicate{{2, 0}, {3, 0}}}},
		{"short and twice", [][]int32{{5}, {4}, {5}, {4}}, Census{Duplicates: []Duplicate{{2, 0}, {3, 1}}}},
		{"a conversation", [][]int32{{1, 2, 3}, {1, 2, 3, 8, 8}, {1, 2, 3, 8, 8, 9, 9}, {1, 2, 4}},
			Census{SharedTokens: 2 + 4 + 2, SharingPrompts: 4, Continuations: 2}},
		{"continued twice", [][]int32{{1, 2, 3, 4}, {1, 2}, {1, 2, 3, 5}, {2}, {1, 2}}, Census{SharedTokens: 4, SharingPrompts: 2, Continuations: 2,
			Duplicates: []Duplicate{{4, 1}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := setOf(tt.rows...)
			got, err := set.Census(2)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.BlockSize, tt.want.Prompts, tt.want.Tokens = 2, len(tt.rows), set.Tokens()
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(set.Duplicates(), tt.want.Duplicates); diff != "" {
				t.Errorf("duplicates (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(set, setOf(tt.rows...)); diff != "" {
				t.Errorf("the set was changed (-got +want):\n%s", diff)
			}
		})
	}
}

func TestCensusRows(t *testing.T) {
	// Rows need not begin with 0 or follow one another.
	set := Set{Prompts: []Prompt{{Row: 3, IDs: []int32{1}}, {Row: 7, IDs: []int32{1}}}}
	if diff := cmp.Diff(set.Duplicates(), []Duplicate{{Row: 7, First: 3}}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	for size, want := range map[int]string{
		0:  "counting what prompts share: the block size is 0; allowed: 1 or more",
		-1: "counting what prompts share: the block size is -1; allowed: 1 or more",
	} {
		if _, err := set.Census(size); err == nil || err.Error() != want {
			t.Errorf("block size %d: got %v, want %q", size, err, want)
		}
	}
}

func TestCensusShare(t *testing.T) {
	for _, tt := range []struct {
		c    Census
		want float64
	}{{Census{}, 0}, {Census{Tokens: 8, SharedTokens: 2}, 0.25}} {
		if got := tt.c.Share(); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.c, got, tt.want)
		}
	}
}

// cacheHits serves prompts in the given order on a server that caches prefixes, and counts the ids that come out of the cache.
func cacheHits(rows [][]int32, order []int, blockSize int) (hits int, hit map[int]bool) {
	cached, hit := map[string]bool{}, map[int]bool{}
	key := func(ids []int32) string {
		var b []byte
		for _, id := range ids {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
		return string(b)
	}
	for _, i := range order {
		ids, found := rows[i], 0
		for found+blockSize < len(ids) && cached[key(ids[:found+blockSize])] {
			found += blockSize
		}
		hits += found
		if found > 0 {
			hit[i] = true
		}
		for end := blockSize; end <= len(ids); end += blockSize {
			cached[key(ids[:end])] = true
		}
	}
	return hits, hit
}

// permutations calls f with all orders of n things.
func permutations(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var swap func(k int)
	swap = func(k int) {
		if k == n {
			f(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			swap(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	swap(0)
}

// bruteCensus serves the prompts in all orders and compares all of them with all others.
func bruteCensus(rows [][]int32, blockSize int) Census {
	c := Census{BlockSize: blockSize, Prompts: len(rows)}
	sharing := map[int]bool{}
	permutations(len(rows), func(order []int) {
		hits, hit := cacheHits(rows, order, blockSize)
		c.SharedTokens = max(c.SharedTokens, hits)
		for i := range hit {
			sharing[i] = true
		}
	})
	c.SharingPrompts = len(sharing)
	for i, ids := range rows {
		c.Tokens += len(ids)
		if slices.ContainsFunc(rows, func(o []int32) bool { return len(o) < len(ids) && slices.Equal(o, ids[:len(o)]) }) {
			c.Continuations++
		}
		if first := slices.IndexFunc(rows, func(o []int32) bool { return slices.Equal(o, ids) }); first < i {
			c.Duplicates = append(c.Duplicates, Duplicate{Row: i, First: first})
		}
	}
	return c
}

func TestCensusAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shared := 0
	for range 3000 {
		rows := make([][]int32, r.IntN(6))
		for i := range rows {
			rows[i] = make([]int32, 1+r.IntN(9))
			for j := range rows[i] {
				if r.IntN(4) == 0 {
					rows[i][j] = 1
				}
			}
		}
		blockSize := 1 + r.IntN(4)
		got, err := setOf(rows...).Census(blockSize)
		if diff := cmp.Diff(got, bruteCensus(rows, blockSize)); diff != "" || err != nil {
			t.Fatalf("%v in blocks of %d: %v (-got +want):\n%s", rows, blockSize, err, diff)
		}
		shared += got.SharedTokens
	}
	if shared == 0 {
		t.Error("no prompts shared anything")
	}
}

// Whatever the order in which a server takes the prompts, it has no more hits than the census says.
func FuzzCensus(f *testing.F) {
	f.Add([]byte("abcd abcde abc abcd"), 2)
	f.Add([]byte("  a"), 1)
	f.Fuzz(func(t *testing.T, text []byte, blockSize int) {
		rows := [][]int32{}
		for i, b := range text {
			if i == 0 || b == ' ' {
				rows = append(rows, nil)
			}
			rows[len(rows)-1] = append(rows[len(rows)-1], int32(b))
		}
		set := setOf(rows...)
		c, err := set.Census(blockSize)
		if err != nil {
			if blockSize > 0 {
				t.Errorf("block size %d: %v", blockSize, err)
			}
			return
		}
		order := make([]int, len(rows))
		for i := range order {
			order[i] = i
		}
		if blockSize <= len(text) {
			if hits, hit := cacheHits(rows, order, blockSize); hits > c.SharedTokens || len(hit) > c.SharingPrompts {
				t.Errorf("%q in blocks of %d: %d hits of %d prompts, the census says %+v", text, blockSize, hits, len(hit), c)
			}
		}
		if c.SharedTokens < 0 || c.SharedTokens > c.Tokens || c.Continuations > c.Prompts || len(c.Duplicates) > c.Prompts {
			t.Errorf("got %+v", c)
		}
	})
}

// commonPrefixes are n prompts of that length, of which all share the first half, and every other one all but the last id.
func commonPrefixes(n, length int) Set {
	r := rand.New(rand.NewPCG(3, 4))
	base := make([]int32, length)
	for i := range base {
		base[i] = r.Int32N(128_000)
	}
	var rows [][]int32
	for i := range n {
		ids := slices.Clone(base)
		ids[length-1] = int32(128_000 + i)
		if i%2 == 0 {
			for j := length / 2; j < length; j++ {
				ids[j] = r.Int32N(128_000)
			}
		}
		rows = append(rows, ids)
	}
	r.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return setOf(rows...)
}

func TestCensusOfALargeSet(t *testing.T) {
	c, err := commonPrefixes(1024, 8000).Census(16)
	if err != nil {
		t.Fatal(err)
	}
	// 250 blocks of all, and 249 more of half of them, the last block with the last id being their own.
	if want := (250*1023 + 249*511) * 16; c.SharedTokens != want || c.SharingPrompts != 1024 || len(c.Duplicates) != 0 {
		t.Errorf("got %+v, want %d shared tokens", c, want)
	}
}

func BenchmarkCensus(b *testing.B) {
	set := commonPrefixes(1024, 8192)
	for b.Loop() {
		if _, err := set.Census(16); err != nil {
			b.Fatal(err)
		}
	}
}
