package simulator

import (
	"fmt"
	"strconv"
	"strings"
)

// lengthRange is the natural length of outputs in tokens, both ends included.
type lengthRange struct{ min, max int }

// parseLengthRange reads N or MIN:MAX, both at least 1.
func parseLengthRange(text string) (lengthRange, error) {
	low, high, isRange := strings.Cut(text, ":")
	if !isRange {
		high = low
	}
	r := lengthRange{}
	var errLow, errHigh error
	r.min, errLow = strconv.Atoi(low)
	r.max, errHigh = strconv.Atoi(high)
	if errLow != nil || errHigh != nil || r.min < 1 || r.max < r.min {
		return lengthRange{}, fmt.Errorf("%q is no output length; allowed: N or MIN:MAX with 1 <= MIN <= MAX", text)
	}
	return r, nil
}

// pick chooses the length that belongs to a seed.
func (r lengthRange) pick(seed uint64) int {
	return r.min + int(mix(seed^0x6c656e677468)%uint64(r.max-r.min+1))
}

// generator makes the output of one sequence; the same prompt gives the same tokens.
type generator struct {
	seed  uint64
	vocab int
	// avoid holds the ids that would end the output; they come only where the natural length says so.
	avoid map[int32]bool
	// end is the id that ends the output as token number length (from 1); 0 means that nothing ends it.
	length int
	end    int32
}

// stopRules are what may end an output before max_tokens.
type stopRules struct {
	// eos ends it without a stop reason (nil when the request ignores it), stopIDs with the id as the reason.
	eos       []int32
	stopIDs   []int32
	minTokens int
}

func newGenerator(seed uint64, vocab int, rules stopRules, natural *lengthRange) generator {
	g := generator{seed: seed, vocab: vocab, avoid: make(map[int32]bool, len(rules.eos)+len(rules.stopIDs))}
	enders := append(append([]int32{}, rules.eos...), rules.stopIDs...)
	for _, id := range enders {
		g.avoid[id] = true
	}
	if natural != nil && len(enders) > 0 {
		g.length, g.end = max(natural.pick(seed), rules.minTokens+1), enders[0]
	}
	return g
}

// token is the id number n (from 0) of the output. Where every id of the vocabulary is one to avoid, it is one of these.
func (g *generator) token(n int) int32 {
	if g.length > 0 && n == g.length-1 {
		return g.end
	}
	id := int32(mix(g.seed+uint64(n)*0x9e3779b97f4a7c15) % uint64(g.vocab))
	for tries := 0; g.avoid[id] && tries < len(g.avoid); tries++ {
		id = (id + 1) % int32(g.vocab)
	}
	return id
}

// tokenText is how an id reads. The texts are plain ASCII, so they need no escaping in JSON.
func tokenText(id int32) string { return " t" + strconv.Itoa(int(id)) }

// textTokens stands in for a tokenizer: one token a byte.
func textTokens(text string, vocab int) []int32 {
	ids := make([]int32, len(text))
	for i := range len(text) {
		ids[i] = int32(int(text[i]) % vocab)
	}
	return ids
}

// mix is the finaliser of splitmix64: every bit of the result depends on every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashTokens continues a hash over token ids.
func hashTokens(h uint64, ids []int32) uint64 {
	for _, id := range ids {
		h = mix(h ^ uint64(uint32(id)))
	}
	return h
}

func hashText(text string) uint64 {
	h := uint64(len(text))
	for i := range len(text) {
		h = mix(h ^ uint64(text[i]))
	}
	return h
}
