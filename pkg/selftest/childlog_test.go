package selftest

import (
	"strings"
	"testing"
)

func TestChildLog(t *testing.T) {
	l := newChildLog()
	for _, part := range []string{"INFO Starting vLLM server on http://127.0.0.1:30", "517\nINFO: ready\n", "Starting vLLM server on http://x:1\n"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write: got %d, %v", n, err)
		}
	}
	if got, want := <-l.address, "http://127.0.0.1:30517"; got != want {
		t.Errorf("address: got %s, want %s", got, want)
	}
	if _, err := l.Write([]byte(strings.Repeat("x", 3*logKept) + "\nthe end\n\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := l.end(), "the end"; got != want || len(l.tail) != logKept {
		t.Errorf("end: got %q of %d bytes, want %q of %d", got, len(l.tail), want, logKept)
	}
}
