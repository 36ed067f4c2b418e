package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// overrideFile is the File of a problem that a --set override caused.
const overrideFile = "--set"

// Problem is one mistake in a recipe or in an override.
type Problem struct {
	// File is the recipe as it was named to Load, or "--set".
	File string
	// Line and Col count from 1, Col in characters; both are 0 for an override.
	Line, Col int
	// Path is the key, such as load.seed or server.command[0]; empty when the file as a whole is meant.
	Path string
	// Message says what is wrong, what was got and what is allowed.
	Message string
}

// String is "file:line:col: path: message", without the position for an override.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything wrong with a recipe: first the file, by position, then the overrides. It is never empty as an error.
type Problems []Problem

// Error has one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// ReadError means that the recipe's bytes could not be had; Err says why.
type ReadError struct {
	Err error
}

// Error is "reading the recipe: " and the cause, which names the file.
func (e *ReadError) Error() string { return "reading the recipe: " + e.Err.Error() }

// Unwrap gives the cause, so that errors.Is(err, fs.ErrNotExist) works.
func (e *ReadError) Unwrap() error { return e.Err }

// place is where a value stands: in the file, or in an override.
type place struct {
	override  bool
	line, col int
}

// reporter collects problems of one file and its overrides.
type reporter struct {
	file     string
	problems Problems
}

func (r *reporter) report(at place, path, format string, args ...any) {
	p := Problem{File: r.file, Line: at.line, Col: at.col, Path: path, Message: fmt.Sprintf(format, args...)}
	if at.override {
		p.File, p.Line, p.Col = overrideFile, 0, 0
	}
	r.problems = append(r.problems, p)
}

// err gives the problems in order, without repetitions; nil when there are none.
func (r *reporter) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()),
			cmp.Compare(a.Col, b.Col),
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(r.problems)
}

// rank is the line, overrides after every line.
func (p Problem) rank() int {
	if p.Line == 0 {
		return math.MaxInt
	}
	return p.Line
}
