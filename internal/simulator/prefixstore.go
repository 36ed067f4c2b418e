package simulator

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// prefixStore keeps the contents of the prefix cache in a file between launches (--sim-cache), as an external KV cache
// does. The zero value keeps nothing.
type prefixStore struct{ path string }

// newPrefixStore names the file, which is of one model and one block size, and makes its folder.
func newPrefixStore(o *options) (prefixStore, error) {
	if o.cacheDir == "" || !o.prefixCaching {
		return prefixStore{}, nil
	}
	if err := os.MkdirAll(o.cacheDir, 0o755); err != nil {
		return prefixStore{}, fmt.Errorf("making the folder of --sim-cache: %w", err)
	}
	return prefixStore{filepath.Join(o.cacheDir, fmt.Sprintf("blocks-%016x-%d", hashText(o.model), o.blockSize))}, nil
}

// load fills a new pool; what does not fit is left out, least recently used first.
func (s prefixStore) load(p *blockPool) error {
	if s.path == "" {
		return nil
	}
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading --sim-cache: %w", err)
	}
	defer func() { _ = file.Close() }()
	var hashes []uint64
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		hash, err := strconv.ParseUint(lines.Text(), 16, 64)
		if err != nil {
			return fmt.Errorf("reading --sim-cache: %s:%d: %w", s.path, len(hashes)+1, err)
		}
		hashes = append(hashes, hash)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading --sim-cache: %w", err)
	}
	p.restore(hashes[max(0, len(hashes)-p.size):])
	return nil
}

// save replaces the file by the contents of the pool.
func (s prefixStore) save(p *blockPool) error {
	if s.path == "" {
		return nil
	}
	var text []byte
	for _, hash := range p.contents() {
		text = append(strconv.AppendUint(text, hash, 16), '\n')
	}
	// Written under another name first: a launch that begins meanwhile finds the file whole.
	part := s.path + ".part"
	if err := os.WriteFile(part, text, 0o644); err != nil {
		return fmt.Errorf("writing --sim-cache: %w", err)
	}
	if err := os.Rename(part, s.path); err != nil {
		return fmt.Errorf("writing --sim-cache: %w", err)
	}
	return nil
}
