// Package dataset reads prompts that are already token ids, and the few facts of a model that decide whether they fit.
//
// Data flow: a file (pandas pickle, jsonl) or the random generator → Set → Set.Check against Limits → the prompts that
// orchestrate encodes into requests. ReadModel gives the vocabulary and stop ids that Limits and requests need; Warmup
// makes prompts that share nothing with a Set. Set.Census counts what the prompts of a Set share, and CheckModel examines
// the files that a server will load.
//
// Files are not trusted: a pickle is walked opcode by opcode before anything is built from it, classes are looked up in a
// fixed table and never imported or run, and no input may crash the program or make it allocate out of proportion to the
// file's size.
package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Format names where the prompts of a Set come from.
type Format string

// The formats of a Set.
const (
	FormatPickle Format = "pickle"
	FormatJSONL  Format = "jsonl"
	FormatRandom Format = "random"
)

// Prompt is one row of a data set.
type Prompt struct {
	// Row is the position in the file, from 0, in the order of the file (not the index label of a DataFrame).
	Row int
	// IDs are the token ids, at least one, none negative. Rows that are one object in a pickle share the slice, so it must
	// not be written to.
	IDs []int32
}

// Set is a loaded data set.
type Set struct {
	// Source describes where the prompts come from: the path, or "random", or "warm-up".
	Source string
	// Format is FormatPickle, FormatJSONL or FormatRandom.
	Format Format
	// SHA256 of the file's bytes as stored (compressed if it is), hex; empty for random prompts.
	SHA256 string
	// RowsInFile is the number of rows the file has, of which Prompts are the first.
	RowsInFile int
	// Prompts are the rows that will be sent, in order.
	Prompts []Prompt
}

// Tokens is the number of token ids of all prompts together.
func (s Set) Tokens() int {
	n := 0
	for _, p := range s.Prompts {
		n += len(p.IDs)
	}
	return n
}

// Shortest is the length of the shortest prompt in token ids; 0 for an empty Set.
func (s Set) Shortest() int {
	if len(s.Prompts) == 0 {
		return 0
	}
	n := len(s.Prompts[0].IDs)
	for _, p := range s.Prompts {
		n = min(n, len(p.IDs))
	}
	return n
}

// Longest is the length of the longest prompt in token ids; 0 for an empty Set.
func (s Set) Longest() int {
	n := 0
	for _, p := range s.Prompts {
		n = max(n, len(p.IDs))
	}
	return n
}

// Hash is the SHA-256, in hex, of the prompts as sent: for each prompt in order its length, then its ids, every number as
// four bytes, little-endian. The file's format and the row numbers do not enter, so the same prompts have the same hash
// wherever they come from. In Python: hashlib.sha256(bytes().join(struct.pack('<%dI' % (len(p) + 1), len(p), *p) for p in
// prompts)).hexdigest().
func (s Set) Hash() string {
	h := sha256.New()
	var buf []byte
	for _, p := range s.Prompts {
		buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(len(p.IDs)))
		for _, id := range p.IDs {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}
