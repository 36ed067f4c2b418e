package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// WarmupOptions say which prompts Warmup makes. The fields are those of RandomOptions, but N may be 0.
type WarmupOptions RandomOptions

// Warmup makes N prompts of exactly Length ids that a prefix cache cannot share with a prompt of avoid, nor with one
// another, so that warming up a server with them leaves nothing in the cache that a measured request could hit.
//
// A server caches blocks of several ids, and the hash of a block chains from the first block of its prompt, so prompts
// whose first blocks differ share nothing. Each prompt made here begins with an id that no prompt of avoid and no other
// prompt made here begins with; where no such id is left, with the shortest prefix that none begins with. Two prompts
// then differ within this prefix, thus within the first block, as long as a block is no shorter; even a short prompt of
// avoid with what is generated after it never begins with the prefix.
//
// It is an error when no such prompts exist. The same options and avoid give the same prompts everywhere.
func Warmup(o WarmupOptions, avoid Set) (Set, error) {
	set, err := warmup(o, avoid)
	if err != nil {
		return Set{}, fmt.Errorf("making warm-up prompts: %w", err)
	}
	return set, nil
}

func warmup(o WarmupOptions, avoid Set) (Set, error) {
	set := Set{Source: "warm-up", Format: FormatRandom, RowsInFile: o.N}
	if o.N == 0 {
		return set, nil
	}
	// Prompts need not differ beyond the prefixes, which freePrefixes looks after, so only the bounds are checked here.
	if err := (RandomOptions{N: min(o.N, 1), Length: o.Length, Vocab: o.Vocab}).check(); err != nil {
		return Set{}, err
	}
	// The second word keeps warm-up ids apart from random prompts of the same seed.
	ids := idStream{pcg: rand.NewPCG(uint64(o.Seed), 1), vocab: o.Vocab}
	prefixes := freePrefixes(o, avoid, ids.next())
	if len(prefixes) < o.N {
		return Set{}, fmt.Errorf("of %d prompts of %d ids below %d only %d can begin differently from all prompts of the data "+
			"set; ask for at most as many, or use longer ones", o.N, o.Length, o.Vocab, len(prefixes))
	}
	for row, prefix := range prefixes {
		prompt := make([]int32, o.Length)
		ids.fill(prompt)
		copy(prompt, prefix)
		set.Prompts = append(set.Prompts, Prompt{Row: row, IDs: prompt})
	}
	return set, nil
}

// branch is a prefix and the prompts of the data set that begin with it.
type branch struct {
	prefix  []int32
	prompts [][]int32
}

// freePrefixes finds the o.N shortest prefixes that no prompt of avoid begins with, or as many as there are, none of them
// the beginning of another. The search for ids starts at the id first.
func freePrefixes(o WarmupOptions, avoid Set, first int32) [][]int32 {
	root := branch{}
	for _, p := range avoid.Prompts {
		root.prompts = append(root.prompts, p.IDs)
	}
	var free [][]int32
	for level := []branch{root}; len(level) > 0; {
		var next []branch
		for _, b := range level {
			free = append(free, b.free(o, o.N-len(free), first)...)
			if len(free) == o.N {
				return free
			}
			next = append(next, b.split(o.Length)...)
		}
		level = next
	}
	return free
}

// free gives up to want prefixes that are longer by an id than the branch's and that none of its prompts begins with.
func (b branch) free(o WarmupOptions, want int, first int32) [][]int32 {
	used := map[int32]bool{}
	for _, p := range b.prompts {
		if len(p) == len(b.prefix) {
			return nil // whatever follows could be generated after this prompt
		}
		used[p[len(b.prefix)]] = true
	}
	var free [][]int32
	for i := 0; i < o.Vocab && len(free) < want; i++ {
		id := int32((int64(first) + int64(i)) % int64(o.Vocab))
		if !used[id] {
			free = append(free, append(slices.Clone(b.prefix), id))
		}
	}
	return free
}

// split gives the branches that the prompts of this one lead to, in the order of their ids; none where the prefix would
// get longer than limit allows for another id, or where a prompt ends here.
func (b branch) split(limit int) []branch {
	depth := len(b.prefix)
	if depth+1 >= limit {
		return nil
	}
	byID := map[int32][][]int32{}
	for _, p := range b.prompts {
		if len(p) == depth {
			return nil
		}
		byID[p[depth]] = append(byID[p[depth]], p)
	}
	var branches []branch
	for id, prompts := range byID {
		branches = append(branches, branch{prefix: append(slices.Clone(b.prefix), id), prompts: prompts})
	}
	slices.SortFunc(branches, func(x, y branch) int { return int(x.prefix[depth]) - int(y.prefix[depth]) })
	return branches
}
