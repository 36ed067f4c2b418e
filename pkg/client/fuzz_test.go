package client

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// seeds are bodies of all kinds; the headers in front of the captured ones are just more bytes to a parser.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	files, err := filepath.Glob("testdata/vllm-0.32.0/*.http")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	var all [][]byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if i := bytes.Index(b, []byte("data: ")); i >= 0 {
			b = b[i:]
		}
		all = append(all, b)
	}
	return append(all, []byte(first+second+counts+end), []byte(": x\r\ndata:{}\r\n\r\n"+first))
}

// FuzzDecode holds the fast decoder against encoding/json.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds(f) {
		for line := range bytes.Lines(seed) {
			f.Add(bytes.TrimPrefix(line, []byte("data: ")))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := decodeFast(b)
		if !ok {
			return
		}
		slow, err := decodeSlow(b)
		if err != nil {
			t.Fatalf("the fast path takes what encoding/json refuses (%v): %q", err, b)
		}
		if diff := cmp.Diff(slow, fast, sameChunk); diff != "" {
			t.Fatalf("%q\n%s", b, diff)
		}
	})
}

// pieces returns at most a few bytes a read, as a network might.
type pieces struct {
	b      []byte
	random *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(p.b), p.random.IntN(300))
	copy(b, p.b[:n])
	p.b = p.b[n:]
	return n, nil
}

// reference reads a body the plain way: all of it, line by line, every message by encoding/json.
func reference(body []byte) (Result, bool, bool) {
	var r Result
	failed, known, counted := false, true, 0
	for line := range bytes.Lines(body) {
		line, complete := bytes.CutSuffix(line, []byte("\n"))
		if !complete {
			return r, false, failed
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			if len(line) > 0 && line[0] != ':' && otherField(line) != nil {
				return r, false, failed
			}
			continue
		}
		data = bytes.TrimPrefix(data, []byte(" "))
		if string(data) == "[DONE]" {
			return r, true, failed
		}
		c, err := decodeSlow(data)
		if err != nil {
			return r, false, failed
		}
		failed = failed || c.failed
		if c.tokens {
			r.Chunks++
			if known = known && c.usage.completion.set; known {
				r.ChunkTokens = append(r.ChunkTokens, int32(c.usage.completion.n-counted))
				counted = c.usage.completion.n
			} else {
				r.ChunkTokens = nil
			}
		}
		if c.finish != "" {
			r.FinishReason = c.finish
		}
		if c.stop != nil {
			r.StopReason = c.stop
		}
		if c.usage.set {
			r.PromptTokens, r.CompletionTokens, r.CachedTokens = c.usage.prompt.pointer(), c.usage.completion.pointer(), c.usage.cached.pointer()
		}
		if c.metrics != nil {
			r.Server = decodeTimings(c.metrics)
		}
	}
	return r, false, failed
}

// FuzzStream reads any bytes in any pieces: never a lost or invented token, and never a panic.
func FuzzStream(f *testing.F) {
	for i, seed := range seeds(f) {
		f.Add(seed, uint64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		var got Result
		a := &answer{res: &got, expect: 8}
		at := time.Unix(0, 1)
		l := newLines(&pieces{body, rand.New(rand.NewPCG(seed, 0))}, make([]byte, 64), maxLine, func() arrival {
			at = at.Add(1)
			return arrival{at: at, lag: noLag, read: at.UnixNano()}
		})
		err := a.read(l)
		if a.done == (err != nil) {
			t.Fatalf("done %v, error %v", a.done, err)
		}
		want, done, failed := reference(body)
		if a.done != done || a.failed != failed {
			t.Fatalf("got done %v, failed %v; want %v, %v", a.done, a.failed, done, failed)
		}
		if len(got.ChunkDeltas) != max(got.Chunks-1, 0) {
			t.Fatalf("%d gaps for %d chunks", len(got.ChunkDeltas), got.Chunks)
		}
		shared := 0 // each read has an instant of its own, so what shares a read has no gap
		for _, gap := range got.ChunkDeltas {
			if gap == 0 {
				shared++
			}
		}
		if got.Coalesced != shared {
			t.Fatalf("coalesced: got %d, want %d", got.Coalesced, shared)
		}
		got.Coalesced = 0
		got.FirstToken, got.LastToken, got.Done, got.ChunkDeltas = time.Time{}, time.Time{}, time.Time{}, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzServerMessage makes text of anything a server says.
func FuzzServerMessage(f *testing.F) {
	for _, seed := range []string{`{"error":{"message":"m"}}`, `{"object":"error","message":"m"}`, `{"detail":[]}`, "text", "\xff", `{"error":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := serverMessage(body); !utf8.ValidString(got) || len(got) > 4*clipLength {
			t.Fatalf("got %q", got)
		}
	})
}

func TestLinesPassesOnTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	l := newLines(io.MultiReader(bytes.NewReader([]byte("one\r\ntwo")), errorReader{broken}), make([]byte, 4), 100, byUser())
	line, err := l.next()
	if string(line) != "one" || err != nil {
		t.Errorf("got %q, %v", line, err)
	}
	if line, err := l.next(); !errors.Is(err, broken) || line != nil {
		t.Errorf("got %q, %v", line, err)
	}
	l = newLines(errorReader{nil}, make([]byte, 4), 100, byUser())
	if _, err := l.next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: got %v", err)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }
