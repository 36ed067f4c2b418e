// Package dataset reads prompts that are already token ids, and the few facts of a model that decide whether they fit.
//
// Data flow: a file (pandas pickle, jsonl) or the random generator → Set → Set.Check against Limits → the prompts that
// orchestrate encodes into requests.
package dataset

// Prompt is one row of a data set.
type Prompt struct {
	// Row is the position in the file, from 0, in the order of the file (not the index label of a DataFrame).
	Row int
	// IDs are the token ids, at least one, none negative.
	IDs []int32
}

// Set is a loaded data set.
type Set struct {
	// Source describes where the prompts come from: the path, or "random".
	Source string
	// Format is "pickle", "jsonl" or "random".
	Format string
	// SHA256 of the file's bytes as stored (compressed if it is), hex; empty for random prompts.
	SHA256 string
	// RowsInFile is the number of rows the file has, of which Prompts are the first.
	RowsInFile int
	// Prompts are the rows that will be sent, in order.
	Prompts []Prompt
}
