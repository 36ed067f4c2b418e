package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
)

// RandomOptions say which prompts Random makes.
type RandomOptions struct {
	// N is the number of prompts, at least 1.
	N int
	// Length is the number of ids in each, at least 1.
	Length int
	// Vocab bounds the ids, which are below it.
	Vocab int
	// Seed picks the prompts.
	Seed int64
}

// Random makes N prompts of exactly Length ids each in [0, Vocab), no two of them alike. The same options give the same
// prompts on every machine and with every version of Go. It is an error when there are no N such prompts.
func Random(o RandomOptions) (Set, error) {
	if err := o.check(); err != nil {
		return Set{}, fmt.Errorf("making random prompts: %w", err)
	}
	ids := idStream{pcg: rand.NewPCG(uint64(o.Seed), 0), vocab: o.Vocab}
	set := Set{Source: "random", Format: FormatRandom, RowsInFile: o.N, Prompts: make([]Prompt, o.N)}
	taken := make(map[string]bool, o.N)
	for row := range set.Prompts {
		prompt := make([]int32, o.Length)
		for ids.fill(prompt); taken[distinctKey(prompt)]; {
			ids.fill(prompt)
		}
		taken[distinctKey(prompt)] = true
		set.Prompts[row] = Prompt{Row: row, IDs: prompt}
	}
	return set, nil
}

func (o RandomOptions) check() error {
	switch {
	case o.N < 1:
		return fmt.Errorf("the number of prompts is %d; allowed: 1 or more", o.N)
	case o.Length < 1:
		return fmt.Errorf("the length of a prompt is %d; allowed: 1 or more", o.Length)
	case o.Vocab < 1 || o.Vocab > math.MaxInt32:
		return fmt.Errorf("the vocabulary has %d ids; allowed: 1 to %d", o.Vocab, math.MaxInt32)
	}
	if possible := math.Pow(float64(o.Vocab), float64(o.Length)); possible < float64(o.N) {
		return fmt.Errorf("%d prompts of length %d cannot differ with a vocabulary of %d ids; there are %.0f", o.N, o.Length,
			o.Vocab, possible)
	}
	return nil
}

// distinctKey is what prompts must differ in: their first 64 ids, which is enough room whatever the vocabulary and small
// enough to remember for very long prompts.
func distinctKey(prompt []int32) string {
	var b []byte
	for _, id := range prompt[:min(len(prompt), 64)] {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return string(b)
}

// idStream gives token ids in [0, vocab).
//
// Note: only the generator's raw output is used, which its specification fixes. The methods of rand.Rand that bound a
// number may change how they do it.
type idStream struct {
	pcg   *rand.PCG
	vocab int
}

// next scales 64 random bits to the vocabulary; the bias is below one in 2³³.
func (s idStream) next() int32 {
	id, _ := bits.Mul64(s.pcg.Uint64(), uint64(s.vocab))
	return int32(id)
}

func (s idStream) fill(ids []int32) {
	for i := range ids {
		ids[i] = s.next()
	}
}
