package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// column is the name of the DataFrame column, dict key or JSON key that holds the token ids of a row.
const column = "tok_inputs"

// wanted is what a row may be; errors end in it.
const wanted = "allowed: a list or one-dimensional array of integers from 0 to 2147483647"

// maxListed is how many rows an error lists; further ones are only counted.
const maxListed = 10

// table is what a reader finds in a file: the first rows as prompts, and how many rows there are in all.
type table struct {
	prompts []Prompt
	rows    int
}

// rowErrors collects what is wrong with rows, so that one error tells all of them.
type rowErrors struct {
	listed []string
	count  int
}

// add notes that the row at the place called where (such as "row 3") cannot be used.
func (e *rowErrors) add(where string, err error) {
	e.count++
	if len(e.listed) < maxListed {
		e.listed = append(e.listed, where+": "+err.Error())
	}
}

// err is nil when no row was added.
func (e *rowErrors) err() error {
	if e.count == 0 {
		return nil
	}
	if e.count == 1 {
		return fmt.Errorf("1 row cannot be used (rows count from 0): %s", e.listed[0])
	}
	return fmt.Errorf("%d rows cannot be used (rows count from 0):\n  %s%s", e.count, strings.Join(e.listed, "\n  "),
		more(e.count-len(e.listed)))
}

// more says how many rows a list leaves out.
func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("\n  and %d more", n)
}

// checkID refuses an id, the index-th of its row, that does not fit into an int32 or is negative.
func checkID(index int, id int64) (int32, error) {
	if id < 0 || id > math.MaxInt32 {
		return 0, badID(index, strconv.FormatInt(id, 10))
	}
	return int32(id), nil
}

// badID says that the index-th id of a row is got, which no token id can be.
func badID(index int, got string) error {
	return fmt.Errorf("id %d of the row (from 0) is %s; allowed: integers from 0 to %d", index, got, math.MaxInt32)
}

// clip makes text from a file fit for an error: cut where it gets long, without characters that a terminal would act on.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
