package dataset

import (
	"fmt"
	"slices"
)

// Census is what the prompts of a Set share, as far as it matters to a server that caches prefixes: the hits that it may have
// on an empty cache with nobody else's requests. Lengths are in ids, which are tokens.
type Census struct {
	// BlockSize is the length of a cache block. Only whole blocks are cached.
	BlockSize int
	// Prompts and Tokens are the number of prompts and of their ids.
	Prompts int
	Tokens  int
	// SharedTokens is how many of Tokens can at most come out of the cache, whatever the order in which the prompts are
	// served. The first prompt that has a block must compute it, and every prompt computes its last id at least.
	SharedTokens int
	// SharingPrompts is how many prompts can have a hit.
	SharingPrompts int
	// Continuations is how many prompts begin with the whole of another, shorter one. What the server generates after that
	// is cached as well, so such a prompt can have hits beyond SharedTokens where it goes on with the very same ids.
	Continuations int
	// Duplicates are the prompts that are there more than once.
	Duplicates []Duplicate
}

// Duplicate says that a row has the same ids as an earlier one.
type Duplicate struct {
	// Row is the row that repeats First, the first row with these ids. Both count as Prompt.Row does.
	Row, First int
}

// Share is SharedTokens as a part of all tokens, from 0 to 1; 0 without prompts.
func (c Census) Share() float64 {
	if c.Tokens == 0 {
		return 0
	}
	return float64(c.SharedTokens) / float64(c.Tokens)
}

// Census counts what the prompts share in whole blocks of blockSize ids. It is exact: ids are compared, not hashes of them.
//
// The blocks of all prompts form a tree, in which each prompt is a path from the root. A block has as many hits as there are
// prompts with it, without the one that computes it and without those that end with it, since these compute their last block
// anew. Where one ends with it, that one can be the one that computes it: then all others have hits. The sum over all blocks
// takes no tree, but only the prompts in order, where each is followed by those that begin with it.
func (s Set) Census(blockSize int) (Census, error) {
	if blockSize < 1 {
		return Census{}, fmt.Errorf("counting what prompts share: the block size is %d; allowed: 1 or more", blockSize)
	}
	c := Census{BlockSize: blockSize, Prompts: len(s.Prompts), Tokens: s.Tokens()}
	sorted, prefixes := s.sorted(), prefixStack{}
	hits, before := 0, 0
	for i, p := range sorted {
		after := 0
		if i+1 < len(sorted) {
			after = commonPrefix(p.IDs, sorted[i+1].IDs)
		}
		length := len(p.IDs)
		cacheable, computed := (length-1)/blockSize, length/blockSize-before/blockSize
		hits += cacheable - computed
		if repeats := i > 0 && before == length && len(sorted[i-1].IDs) == length; length%blockSize == 0 && !repeats {
			hits++ // the last block ends a prompt
		}
		if cacheable > 0 && max(before, after) >= blockSize {
			c.SharingPrompts++
		}
		if prefixes.push(length, before) {
			c.Continuations++
		}
		before = after
	}
	c.SharedTokens = hits * blockSize
	c.Duplicates = duplicates(sorted)
	return c, nil
}

// Duplicates finds the rows that have the same ids as an earlier one, in the order of the rows.
func (s Set) Duplicates() []Duplicate { return duplicates(s.sorted()) }

// sorted are the prompts in the order of their ids, and of their rows where these are the same.
func (s Set) sorted() []Prompt {
	sorted := slices.Clone(s.Prompts)
	slices.SortStableFunc(sorted, func(a, b Prompt) int {
		if alias(a.IDs, b.IDs) {
			return 0
		}
		return slices.Compare(a.IDs, b.IDs)
	})
	return sorted
}

// alias tells whether two prompts are one object, as rows of a pickle can be: then there is nothing to compare.
func alias(a, b []int32) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

func commonPrefix(a, b []int32) int {
	n := min(len(a), len(b))
	if alias(a, b) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func duplicates(sorted []Prompt) []Duplicate {
	var found []Duplicate
	first := 0
	for i := range sorted {
		if i > 0 && !alias(sorted[first].IDs, sorted[i].IDs) && !slices.Equal(sorted[first].IDs, sorted[i].IDs) {
			first = i
		}
		if i > first {
			found = append(found, Duplicate{Row: sorted[i].Row, First: sorted[first].Row})
		}
	}
	slices.SortFunc(found, func(a, b Duplicate) int { return a.Row - b.Row })
	return found
}

// prefixStack has the lengths of those prompts that the last one begins with, ascending, its own included.
type prefixStack []int

// push goes on to a prompt that has the given length, and the first common ids of the last one. It tells whether a shorter
// prompt is the beginning of it.
func (s *prefixStack) push(length, common int) bool {
	for len(*s) > 0 && (*s)[len(*s)-1] > common {
		*s = (*s)[:len(*s)-1]
	}
	continues := len(*s) > 0 && (*s)[0] < length
	if len(*s) == 0 || (*s)[len(*s)-1] < length {
		*s = append(*s, length)
	}
	return continues
}
