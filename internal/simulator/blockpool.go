package simulator

// block is one block of the KV cache. A free block keeps its contents, and can be hit, until it is needed for something else.
type block struct {
	// hash names the contents: all tokens of the prompt up to the end of the block. Valid when cached.
	hash   uint64
	cached bool
	// external is true for contents of an earlier launch that nobody has used in this one.
	external bool
	// users counts the sequences that hold the block; at 0 it is in the free list.
	users      int
	prev, next *block
}

// blockPool is the KV cache: a fixed number of blocks, a free list in the order of eviction, and an index of full blocks by
// their contents. As in vLLM, blocks that never held anything are used before cached ones are evicted, least recently used
// first.
type blockPool struct {
	size    int
	created int
	index   map[uint64]*block
	// free is the sentinel of the circular list of unused blocks: free.next goes first.
	free     block
	freeSize int
}

func newBlockPool(size int) *blockPool {
	p := &blockPool{size: size, index: map[uint64]*block{}}
	p.free.prev, p.free.next = &p.free, &p.free
	return p
}

// available is the number of blocks that can be allocated now.
func (p *blockPool) available() int { return p.size - p.created + p.freeSize }

// used is the number of blocks held by sequences.
func (p *blockPool) used() int { return p.created - p.freeSize }

// lookup returns the cached blocks for the longest run of these hashes from the first.
func (p *blockPool) lookup(hashes []uint64) []*block {
	var hits []*block
	for _, hash := range hashes {
		b, ok := p.index[hash]
		if !ok {
			break
		}
		hits = append(hits, b)
	}
	return hits
}

// restore puts blocks with these contents into a new pool, the least recently used first.
func (p *blockPool) restore(hashes []uint64) {
	blocks := p.allocate(len(hashes))
	for i, b := range blocks {
		p.publish(b, hashes[i])
		b.external = b.cached
		p.release(blocks[i : i+1])
	}
}

// contents are the hashes of the cached blocks that nobody uses, the least recently used first.
func (p *blockPool) contents() []uint64 {
	var hashes []uint64
	for b := p.free.next; b != &p.free; b = b.next {
		if b.cached {
			hashes = append(hashes, b.hash)
		}
	}
	return hashes
}

// claimExternal counts the blocks that come from an earlier launch. They are this launch's own from then on.
func claimExternal(blocks []*block) int {
	n := 0
	for _, b := range blocks {
		if b.external {
			n++
			b.external = false
		}
	}
	return n
}

// idle counts how many of the blocks nobody holds, which holding them takes off what is available.
func idle(blocks []*block) int {
	n := 0
	for _, b := range blocks {
		if b.users == 0 {
			n++
		}
	}
	return n
}

// hold adds a user to each block.
func (p *blockPool) hold(blocks []*block) {
	for _, b := range blocks {
		if b.users == 0 {
			p.unlink(b)
		}
		b.users++
	}
}

// allocate returns n blocks with one user each. The caller has made sure that so many are available.
func (p *blockPool) allocate(n int) []*block {
	blocks := make([]*block, n)
	for i := range blocks {
		blocks[i] = p.take()
	}
	return blocks
}

func (p *blockPool) take() *block {
	if p.created < p.size {
		p.created++
		return &block{users: 1}
	}
	b := p.free.next
	p.unlink(b)
	p.forget(b)
	b.users = 1
	return b
}

func (p *blockPool) forget(b *block) {
	if b.cached && p.index[b.hash] == b {
		delete(p.index, b.hash)
	}
	b.cached, b.external = false, false
}

// publish makes a full block findable by its contents. The first block with the same contents stays the one that is found.
func (p *blockPool) publish(b *block, hash uint64) {
	if b.cached {
		return
	}
	if _, taken := p.index[hash]; taken {
		return
	}
	b.hash, b.cached = hash, true
	p.index[hash] = b
}

// release takes a user off each block. The last block of a sequence is evicted before its first.
func (p *blockPool) release(blocks []*block) {
	for i := len(blocks) - 1; i >= 0; i-- {
		b := blocks[i]
		b.users--
		if b.users == 0 {
			b.prev, b.next = p.free.prev, &p.free
			b.prev.next, b.next.prev = b, b
			p.freeSize++
		}
	}
}

func (p *blockPool) unlink(b *block) {
	b.prev.next, b.next.prev = b.next, b.prev
	b.prev, b.next = nil, nil
	p.freeSize--
}
