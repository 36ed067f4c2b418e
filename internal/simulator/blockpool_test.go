package simulator

import (
	"math/rand/v2"
	"testing"
)

func TestBlockPoolEvictsLeastRecentlyUsed(t *testing.T) {
	p := newBlockPool(3)
	a := p.allocate(2)
	p.publish(a[0], 1)
	p.publish(a[1], 2)
	p.release(a)
	if got := p.available(); got != 3 {
		t.Fatalf("got %d available, want 3", got)
	}
	b := p.allocate(1) // the block that was never used goes first
	if hits := p.lookup([]uint64{1, 2}); len(hits) != 2 {
		t.Fatalf("got %d hits, want both", len(hits))
	}
	p.allocate(1) // the last block of a sequence goes before its first
	if hits := p.lookup([]uint64{1, 2}); len(hits) != 1 {
		t.Errorf("got %d hits, want the first block only", len(hits))
	}
	hits := p.lookup([]uint64{1})
	if idle(hits) != 1 {
		t.Errorf("got %d idle, want 1", idle(hits))
	}
	p.hold(hits)
	if got := p.available(); got != 0 {
		t.Errorf("got %d available, want 0 with all three held", got)
	}
	p.release(b)
	if p.used() != 2 {
		t.Errorf("got %d used, want 2", p.used())
	}
}

func TestBlockPoolKeepsFirstOfEqualContents(t *testing.T) {
	p := newBlockPool(2)
	blocks := p.allocate(2)
	p.publish(blocks[0], 7)
	p.publish(blocks[1], 7)
	if hits := p.lookup([]uint64{7}); hits[0] != blocks[0] {
		t.Errorf("the later block took the place of the first")
	}
	p.release(blocks[1:])
	p.allocate(1)
	if hits := p.lookup([]uint64{7}); len(hits) != 1 {
		t.Errorf("evicting the copy removed the contents")
	}
}

// However blocks are taken and given back, none is lost and none is held twice.
func TestBlockPoolInvariants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	p := newBlockPool(20)
	var held [][]*block
	for step := range 5000 {
		if n := rng.IntN(6); n <= p.available() && rng.IntN(2) == 0 {
			blocks := p.allocate(n)
			for _, b := range blocks {
				p.publish(b, uint64(rng.IntN(15)))
			}
			held = append(held, blocks)
		} else if len(held) > 0 {
			i := rng.IntN(len(held))
			p.release(held[i])
			held = append(held[:i], held[i+1:]...)
		}
		if hits := p.lookup([]uint64{uint64(rng.IntN(15))}); len(hits) > 0 && rng.IntN(2) == 0 {
			p.hold(hits)
			held = append(held, hits)
		}
		inUse := map[*block]int{}
		for _, blocks := range held {
			for _, b := range blocks {
				inUse[b]++
			}
		}
		for b, users := range inUse {
			if b.users != users {
				t.Fatalf("step %d: a block has %d users, want %d", step, b.users, users)
			}
		}
		free := 0
		for b := p.free.next; b != &p.free; b = b.next {
			free++
		}
		if p.used() != len(inUse) || free != p.freeSize || p.created > p.size {
			t.Fatalf("step %d: used %d, want %d; %d in the free list, counted %d; created %d", step, p.used(), len(inUse), free, p.freeSize, p.created)
		}
	}
}
