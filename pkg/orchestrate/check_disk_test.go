package orchestrate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// longRecord is a record with all that a successful request has, an hour after the start of its pass.
func longRecord(tokens int) bench.Record {
	const hour = 3_600_000_000_000
	r := bench.Record{Index: 123_456, RequestID: "20261124T025626Z-11c8fd-summarization-123456",
		TraceID: "0123456789abcdef0123456789abcdef", PromptTokensSent: 131_072, MaxTokens: tokens, ScheduledNS: hour, DueNS: hour + 1,
		SentNS: new(int64(hour + 2)), WrittenNS: new(int64(hour + 3)), HeadersNS: new(int64(hour + 4)),
		FirstTokenNS: new(int64(hour + 5)), LastTokenNS: new(int64(hour + 6)), DoneNS: new(int64(hour + 7)), Status: 200,
		PromptTokens: new(131_072), CompletionTokens: new(tokens), FinishReason: "length",
		Server: &client.ServerTimings{QueueMS: new(1234.567891), PrefillMS: new(1234.567891), DecodeMS: new(123456.789123)}, Chunks: tokens}
	r.Schema, r.Coalesced = bench.RecordSchema, tokens
	for i := range tokens {
		if i > 0 {
			r.ChunkDeltasUS = append(r.ChunkDeltasUS, 45_678)
		}
		r.ChunkLagsUS = append(r.ChunkLagsUS, 1234)
		r.ChunkTokens = append(r.ChunkTokens, 1)
	}
	return r
}

func TestEstimateHoldsRecords(t *testing.T) {
	for _, tokens := range []int{1, 32, 1024} {
		line, err := json.Marshal(longRecord(tokens))
		if err != nil {
			t.Fatal(err)
		}
		most, least := recordBytes+2*logBytes+(tokens-1)*chunkBytes, recordBytes/2+(tokens-1)*chunkBytes/2
		if got := len(line) + 1; got > most || got < least {
			t.Errorf("a record of %d tokens has %d bytes; the estimate should hold it and no more than twice as much: %d to %d",
				tokens, got, least, most)
		}
	}
	const ms = 1_000_000
	short, err := json.Marshal(bench.Record{RequestID: "20261124T025626Z-11c8fd-full-0", PromptTokensSent: 1, MaxTokens: 1,
		SentNS: new(int64(ms)), WrittenNS: new(int64(ms)), HeadersNS: new(int64(ms)), FirstTokenNS: new(int64(ms)),
		LastTokenNS: new(int64(ms)), DoneNS: new(int64(ms)), Status: 200, PromptTokens: new(1), CompletionTokens: new(1),
		FinishReason: "stop", Chunks: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(short) + 1; got < leastRecord {
		t.Errorf("a record with as little as can be has %d bytes; no record should have less than %d", got, leastRecord)
	}
}

func TestExisting(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		dir, want, err string
	}{
		{dir, dir, ""},
		{filepath.Join(dir, "a", "b"), dir, ""},
		{file, "", "is in the way, a file and not a folder"},
		{filepath.Join(file, "a"), "", "not a directory"},
	}
	for _, tt := range tests {
		got, err := existing(tt.dir)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("existing(%s): got %q, %v; want %q, %q", tt.dir, got, err, tt.want, tt.err)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KiB", 4 << 20: "4 MiB", 25 << 28: "6.25 GiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d): got %s, want %s", n, got, want)
		}
	}
}
