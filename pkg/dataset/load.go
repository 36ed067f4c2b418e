package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// LoadOptions say what Load reads.
type LoadOptions struct {
	// Path is the file. Its extension decides how it is read: .pkl or .pickle, .jsonl, and each of them with .gz.
	Path string
	// NumRequests is how many rows are wanted, the first ones of the file; 0 means all.
	NumRequests int
}

// Load reads the first NumRequests rows of a data set, in the order of the file. Rows after them are counted but not
// looked at.
//
// A pickle holds a pandas DataFrame with a column tok_inputs, one list, tuple or array of integers per row; a Series, a
// dict with the key tok_inputs, a list of such dicts and a list of rows are read too. A .jsonl file has one object a line
// whose key tok_inputs is a list of integers; other keys and blank lines are ignored.
//
// Rows that cannot be used, and a file with fewer rows than asked for, are errors; every error names the file.
func Load(ctx context.Context, o LoadOptions) (Set, error) {
	set, err := load(ctx, o)
	if err != nil {
		return Set{}, fmt.Errorf("reading data set %s: %w", o.Path, err)
	}
	return set, nil
}

// parser reads rows out of a file's decompressed bytes; want is how many, 0 all.
type parser func(r io.Reader, want int) (table, error)

func load(ctx context.Context, o LoadOptions) (Set, error) {
	if o.NumRequests < 0 {
		return Set{}, fmt.Errorf("the number of requests is %d; allowed: 0 (all rows) or more", o.NumRequests)
	}
	format, parse, zipped := formatOf(o.Path)
	if parse == nil {
		return Set{}, fmt.Errorf("the extension %q is not supported; supported are .pkl, .pickle, .jsonl, and each of them "+
			"with .gz", filepath.Ext(o.Path))
	}
	src, err := openSource(ctx, o.Path, zipped)
	if err != nil {
		return Set{}, err
	}
	defer src.Close()
	rows, err := parse(src, o.NumRequests)
	if err != nil {
		return Set{}, err
	}
	sum, err := src.sha256()
	if err != nil {
		return Set{}, err
	}
	set := Set{Source: o.Path, Format: format, SHA256: sum, RowsInFile: rows.rows, Prompts: rows.prompts}
	return set, set.enough(o.NumRequests)
}

// formatOf tells the format by the extension of path; parse is nil when it is not a known one.
func formatOf(path string) (format Format, parse parser, zipped bool) {
	name := strings.ToLower(path)
	name, zipped = strings.CutSuffix(name, ".gz")
	switch filepath.Ext(name) {
	case ".pkl", ".pickle":
		return FormatPickle, readPickle, zipped
	case ".jsonl":
		return FormatJSONL, readJSONL, zipped
	}
	return "", nil, zipped
}

func (s Set) enough(want int) error {
	if s.RowsInFile == 0 {
		return errors.New("the file has no rows")
	}
	if s.RowsInFile < want {
		return fmt.Errorf("the file has %d rows, %d were asked for; ask for at most %d", s.RowsInFile, want, s.RowsInFile)
	}
	return nil
}
