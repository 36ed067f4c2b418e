package report

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

func TestReadRecords(t *testing.T) {
	a, b := `{"index":0,"request_id":"r-0"}`, `{"index":1,"request_id":"r-1"}`
	for _, tc := range []struct {
		name, text string
		records    int
		torn       int
		err        string
	}{
		{"empty", "", 0, 0, ""},
		{"two", a + "\n" + b + "\n", 2, 0, ""},
		{"last newline missing", a + "\n" + b, 2, 0, ""},
		{"last line cut", a + "\n" + b[:20], 1, 1, ""},
		{"last line of zeros, as after a power cut", a + "\n\x00\x00\x00", 1, 1, ""},
		{"only a cut line", `{"index"`, 0, 1, ""},
		{"a broken line with its newline", a + "\n" + b[:20] + "\n", 0, 0, "2: not a record: unexpected end of JSON input"},
		{"a broken line in the middle", a[:9] + "\n" + b + "\n", 0, 0, "1: not a record: "},
		{"an empty line", a + "\n\n" + b + "\n", 0, 0, "2: not a record: unexpected end of JSON input"},
		{"another object", `{"name":"x"}` + "\n", 0, 0, "1: not a record: it has no request_id"},
		{"null", "null\n", 0, 0, "1: not a record: it has no request_id"},
		{"negative row", `{"index":-1,"request_id":"r"}` + "\n", 0, 0, "1: not a record: index -1; allowed: 0 or more"},
		{"a text for a number", a + "\n" + `{"index":"1","request_id":"r-1"}` + "\n", 0, 0, "2: not a record: json: cannot"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			records, torn, err := readRecords(strings.NewReader(tc.text))
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
					t.Fatalf("got error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || len(records) != tc.records || torn != tc.torn {
				t.Errorf("got %d records, %d torn, error %v; want %d, %d, none", len(records), torn, err, tc.records, tc.torn)
			}
		})
	}
}

func TestRecordsLongerThanTheBuffer(t *testing.T) {
	want := []bench.Record{sampleRecord(PassFull, 0, 100_000), sampleRecord(PassFull, 1, 2)}
	var b bytes.Buffer
	for _, r := range want {
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	got, torn, err := readRecords(&b)
	if err != nil || torn != 0 {
		t.Fatalf("got error %v, %d torn; want neither", err, torn)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("records (-got +want):\n%s", diff)
	}
}

// Whatever stands in records.jsonl, reading ends in records or an error, and what was read can be reported.
func FuzzReadRecords(f *testing.F) {
	for _, path := range []string{"testdata/run/full/records.jsonl", "testdata/timed/full/records.jsonl", "testdata/interrupted/full/records.jsonl"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"index":9223372036854775807,"request_id":"r","sent_ns":-9223372036854775808,"first_token_ns":1,` +
		`"last_token_ns":9223372036854775807,"done_ns":9223372036854775807,"prompt_tokens":-9223372036854775808,` +
		`"completion_tokens":-3,"chunk_deltas_us":[-9223372036854775808,null],"max_tokens":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, torn, err := readRecords(bytes.NewReader(data))
		if err != nil {
			return
		}
		run := sampleRun()
		run.Full, run.TornFull = records, torn
		s := Summarize(run)
		for _, format := range Formats() {
			if out, err := Render(s, format); err != nil || len(out) == 0 {
				t.Fatalf("%s: %d bytes, error %v", format, len(out), err)
			}
		}
		var back Summary
		if err := json.Unmarshal(JSON(s), &back); err != nil || back.RunID != run.Manifest.RunID {
			t.Fatalf("summary.json cannot be read back: run id %q, error %v", back.RunID, err)
		}
	})
}

func BenchmarkReadMillionTokens(b *testing.B) {
	var data bytes.Buffer
	for _, r := range largeRun().Full {
		if err := json.NewEncoder(&data).Encode(r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(data.Len()))
	for b.Loop() {
		if records, _, err := readRecords(bytes.NewReader(data.Bytes())); err != nil || len(records) != 1024 {
			b.Fatalf("got %d records, error %v", len(records), err)
		}
	}
}
