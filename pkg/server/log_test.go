package server

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestLastLines(t *testing.T) {
	tests := []struct {
		name string
		text string
		n    int
		cut  bool
		want []string
	}{
		{"nothing", "", 3, false, nil},
		{"none wanted", "a\nb\n", 0, false, nil},
		{"fewer than wanted", "a\nb\n", 3, false, []string{"a", "b"}},
		{"more than wanted", "a\nb\nc", 2, false, []string{"b", "c"}},
		{"blank lines do not count", "a\n\n  \nb\n\n", 2, false, []string{"a", "b"}},
		{"Windows line ends", "a\r\nb\r\n", 2, false, []string{"a", "b"}},
		{"of a progress bar, what was written last", "x\n 0%\r50%\r99%\r\ny", 3, false, []string{"x", "99%", "y"}},
		{"colours, titles and control characters", "\x1b[1;31mERROR\x1b[0m \x1b]0;title\x07a\x00\tb\x1b[2K", 1, false, []string{"ERROR a b"}},
		{"invalid UTF-8", "a\xff\xfeb", 1, false, []string{"a\uFFFDb"}},
		{"a first line cut off", "rest\na\nb", 9, true, []string{"a", "b"}},
		{"a first line cut off is all there is", "rest\n", 9, true, []string{"rest"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(lastLines(test.text, test.n, test.cut), test.want); diff != "" {
				t.Errorf("lines (-got +want):\n%s", diff)
			}
		})
	}
}

func TestLastLinesShortensALongLineInTheMiddle(t *testing.T) {
	long := "begin" + strings.Repeat("é", 5000) + "end"
	got := lastLines(long, 1, false)
	if len(got) != 1 || !strings.HasPrefix(got[0], "beginé") || !strings.HasSuffix(got[0], "éend") || len(got[0]) > maxLine+len(" … ") {
		t.Errorf("got %q", got)
	}
	if !utf8.ValidString(got[0]) {
		t.Errorf("a character was cut: %q", got)
	}
}

func FuzzLastLines(f *testing.F) {
	f.Add("a\nb\r\n\x1b[1mc\xff", 2, true)
	f.Add("0%\r100%\r", 1, false)
	f.Add(strings.Repeat("é", 2000), 1, true)
	f.Fuzz(func(t *testing.T, text string, n int, cut bool) {
		lines := lastLines(text, n, cut)
		if len(lines) > max(n, 0) {
			t.Fatalf("got %d lines, want at most %d", len(lines), n)
		}
		for _, line := range lines {
			if line == "" || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) || len(line) > maxLine+len(" … ") {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// A log of many gigabytes costs no more than one of a megabyte.
func TestLogOfAnySizeIsReadInBoundedMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.log")
	if err := os.WriteFile(path, []byte("Starting to load model\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &serverLog{path: path}
	l.phase()
	// The hole in the file reads as zero bytes: a flood without a newline.
	if err := os.Truncate(path, 8<<30); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "\nAvailable KV cache memory: 5 GiB\nlast")

	before := allocated()
	phase, tail := l.phase(), l.tail(2)
	// Asked again, it reads only what is new.
	for range 100 {
		phase = l.phase()
	}
	if got := allocated() - before; got > 8<<20 {
		t.Errorf("allocated %d bytes, want less than 8 MiB", got)
	}
	if want := (Phase{State: StateProfiling}); phase != want {
		t.Errorf("phase %v, want %v", phase, want)
	}
	if diff := cmp.Diff(tail, []string{"Available KV cache memory: 5 GiB", "last"}); diff != "" {
		t.Errorf("tail (-got +want):\n%s", diff)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLogThatIsEmptiedOrMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.log")
	l := &serverLog{path: path}
	if got := l.phase(); got != (Phase{}) {
		t.Errorf("phase of a missing log %v, want launching", got)
	}
	if got := l.tail(5); got != nil {
		t.Errorf("tail of a missing log %q", got)
	}
	appendTo(t, path, "Starting to load model, in a line long enough\n")
	if got, want := l.phase(), (Phase{State: StateLoading}); got != want {
		t.Errorf("phase %v, want %v", got, want)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "torch.compile takes 2 s\n")
	if got, want := l.phase(), (Phase{State: StateCompiling}); got != want {
		t.Errorf("phase after the log was emptied %v, want %v", got, want)
	}
}

// What is no UTF-8 has no place to cut at.
func TestAbbreviateAnything(t *testing.T) {
	for text, want := range map[string]string{
		"short":                     "short",
		strings.Repeat("ä", 10):     "ää … ää",
		strings.Repeat("\x80", 20):  " … ",
		"0123456789" + "0123456789": "01234 … 56789",
	} {
		if got := abbreviate(text, 10); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
