package simulator

import (
	"strings"
	"testing"
)

func TestGeneratorAvoidsStopIDs(t *testing.T) {
	rules := stopRules{eos: []int32{2}, stopIDs: []int32{3, 4, 5}}
	g := newGenerator(7, 8, rules, nil)
	seen := map[int32]bool{}
	for n := range 1000 {
		id := g.token(n)
		if id < 0 || id >= 8 || id >= 2 && id <= 5 {
			t.Fatalf("token %d is %d, which would end the output or is no token", n, id)
		}
		seen[id] = true
	}
	if len(seen) != 4 {
		t.Errorf("got %d different tokens, want the 4 that are left", len(seen))
	}
}

// Where every id ends the output, the first token does.
func TestGeneratorWithoutChoice(t *testing.T) {
	g := newGenerator(7, 2, stopRules{stopIDs: []int32{0, 1}}, nil)
	if id := g.token(0); id != 0 && id != 1 {
		t.Errorf("got %d, want 0 or 1", id)
	}
}

func TestGeneratorLength(t *testing.T) {
	counts := map[int]int{}
	for seed := range uint64(3000) {
		g := newGenerator(mix(seed), 100, stopRules{eos: []int32{2}}, &lengthRange{3, 5})
		n := 0
		for g.token(n) != 2 {
			n++
		}
		counts[n+1]++
	}
	for length := 3; length <= 5; length++ {
		if counts[length] < 850 || counts[length] > 1150 {
			t.Errorf("got lengths %v of 3000 outputs, want each of 3, 4, 5 about 1000 times", counts)
		}
	}
}

func FuzzParseLengthRange(f *testing.F) {
	for _, seed := range []string{"1", "3:9", "0", "9:3", ":", "1:", "-1:5", "x", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseLengthRange(text)
		if err != nil {
			if !strings.Contains(err.Error(), "allowed: N or MIN:MAX") {
				t.Errorf("%q: got error %v without what is allowed", text, err)
			}
			return
		}
		if n := r.pick(uint64(len(text))); r.min < 1 || n < r.min || n > r.max {
			t.Errorf("%q: got %+v and picked %d", text, r, n)
		}
	})
}
