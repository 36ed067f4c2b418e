package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever the log holds, a failure has a known class and advice, and what it shows is bounded and fit for a terminal.
func FuzzClassify(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "failures", "*-1.log"))
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, i%2 == 0, i%3 == 0, i%5-1)
	}
	f.Add([]byte("a.ValidationError: 1 validation error for C\nx\n  Input \xff [type=\rValueError\n"), false, false, 127)
	f.Add([]byte("\x1b[31m(a pid=1) [rank0]:[E a.cpp:1] [PG \x00] : error: unrecognized arguments: --\n"), true, true, 137)
	f.Fuzz(func(t *testing.T, log []byte, ready, timeout bool, status int) {
		e := Evidence{Log: bytes.NewReader(log), Ready: ready, ReadyTimeout: timeout, Exit: &Exit{Status: status}}
		got := Classify(e)
		if advice[got.Class] == "" || got.Advice == "" {
			t.Fatalf("class %q, advice %q", got.Class, got.Advice)
		}
		if got.Retry != (got.Class == FailureFreeMemory) {
			t.Fatalf("retry of %s is %v", got.Class, got.Retry)
		}
		if lines := bytes.Count(log, []byte{'\n'}) + 1; got.LineNumber < 0 || got.LineNumber > lines {
			t.Fatalf("line number %d of %d", got.LineNumber, lines)
		}
		if len(got.Candidates) > maxCandidates || len(got.Tail) > errorLines {
			t.Fatalf("%d candidates, %d last lines", len(got.Candidates), len(got.Tail))
		}
		for _, text := range append(append(got.Candidates, got.Tail...), got.Line, got.Advice) {
			if len(text) > maxLine+1000 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("not fit to be shown: %.300q", text)
			}
		}
	})
}
