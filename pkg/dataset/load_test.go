package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoadReadsEveryShape(t *testing.T) {
	want := expected(t)
	files, err := filepath.Glob("testdata/pickle/*")
	if err != nil {
		t.Fatal(err)
	}
	good := 0
	for _, path := range append(files, "testdata/lines.jsonl") {
		if strings.Contains(path, "-bad-") {
			continue
		}
		good++
		t.Run(filepath.Base(path), func(t *testing.T) {
			got, err := Load(t.Context(), LoadOptions{Path: path, NumRequests: 12})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(idsOf(got), want); diff != "" {
				t.Errorf("ids (-got +want):\n%s", diff)
			}
			if got.RowsInFile != 12 || got.Source != path {
				t.Errorf("got %d rows from %s", got.RowsInFile, got.Source)
			}
		})
	}
	// 4 versions of pandas in 21 shapes and 7 single files, and the jsonl file.
	if good != 4*21+7+1 {
		t.Errorf("tried %d files", good)
	}
}

func TestLoadTinyLlamaPrompts(t *testing.T) {
	got, err := Load(t.Context(), LoadOptions{Path: "testdata/tiny-llama/prompts.pkl", NumRequests: 64})
	if err != nil {
		t.Fatal(err)
	}
	if got.Tokens() != 14670 || got.Shortest() != 17 || got.Longest() != 508 || got.RowsInFile != 64 {
		t.Errorf("got %d tokens, %d to %d each, %d rows", got.Tokens(), got.Shortest(), got.Longest(), got.RowsInFile)
	}
}

func TestLoadRefusesBadFiles(t *testing.T) {
	const one = "1 row cannot be used (rows count from 0): "
	tests := map[string]string{
		"bool":     one + "row 0: is an array of bool; " + wanted,
		"emptyrow": one + "row 1: has no ids; allowed: at least one",
		"evil": "byte 22: it names posix.system, which no data set needs; nothing of it was run. Known are the classes of " +
			"pandas, numpy and pyarrow that DataFrames consist of",
		"float": "12 rows cannot be used (rows count from 0):\n  row 0: is an array of float64; " + wanted +
			strings.Repeat("|", 9) + "\n  and 2 more",
		"negative": one + "row 0: id 1 of the row (from 0) is -5; allowed: integers from 0 to 2147483647",
		"nocolumn": "the DataFrame has no column tok_inputs; it has prompt",
		"none":     one + "row 1: is None; " + wanted,
		"norows":   "the file has no rows",
		"strings": "2 rows cannot be used (rows count from 0):\n  row 0: is the text \"1 2 3\"; " + wanted +
			"\n  row 1: is the text \"hello\"; " + wanted,
		"twodim": one + "row 0: is an array of 2 dimensions, shape [2 3]; " + wanted,
	}
	for i := 1; i < 10; i++ {
		tests["float"] = strings.Replace(tests["float"], "|", fmt.Sprintf("\n  row %d: is an array of float64; %s", i, wanted), 1)
	}
	for _, version := range []string{"p13", "p15", "p22", "p30"} {
		for label, want := range tests {
			path := filepath.Join("testdata/pickle", version+"-bad-"+label+".pkl")
			t.Run(version+"-"+label, func(t *testing.T) {
				if diff := cmp.Diff(loadErr(t, path, 0), want); diff != "" {
					t.Errorf("error (-got +want):\n%s", diff)
				}
			})
		}
	}
	if _, err := os.Stat("pwned"); !os.IsNotExist(err) {
		t.Error("bad-evil.pkl ran its command")
	}
}

func TestLoadTakesTheFirstRows(t *testing.T) {
	// Row 3 of the file is bad, but is not asked for.
	path := writeFile(t, "a.jsonl", `{"tok_inputs":[1]}`+"\n"+`{"tok_inputs":[2,3]}`+"\n"+`{"tok_inputs":[4]}`+"\n"+`nonsense`)
	got, err := Load(t.Context(), LoadOptions{Path: path, NumRequests: 2})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	want := Set{Source: path, Format: FormatJSONL, SHA256: hex.EncodeToString(sum[:]), RowsInFile: 4,
		Prompts: []Prompt{{Row: 0, IDs: []int32{1}}, {Row: 1, IDs: []int32{2, 3}}}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	pickle, err := Load(t.Context(), LoadOptions{Path: "testdata/pickle/p22-int64-p5.pkl", NumRequests: 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(idsOf(pickle), expected(t)[:3]); diff != "" || pickle.RowsInFile != 12 {
		t.Errorf("%d rows in file (-got +want):\n%s", pickle.RowsInFile, diff)
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	cutGzip := gzipped(t, `{"tok_inputs":[1]}`)
	tests := []struct {
		name, path string
		n          int
		want       string
	}{
		{"too few rows", "testdata/pickle/p22-lists.pkl", 1024, "the file has 12 rows, 1024 were asked for; ask for at most 12"},
		{"negative number", "testdata/lines.jsonl", -1, "the number of requests is -1; allowed: 0 (all rows) or more"},
		{"extension", "prompts.parquet", 1,
			`the extension ".parquet" is not supported; supported are .pkl, .pickle, .jsonl, and each of them with .gz`},
		{"zipped extension", "prompts.csv.gz", 1,
			`the extension ".gz" is not supported; supported are .pkl, .pickle, .jsonl, and each of them with .gz`},
		{"no file", "testdata/none.pkl", 1, "no such file or directory"},
		{"folder", folder(t, "a.pkl"), 1, "is a folder; allowed: a regular file"},
		{"empty jsonl", writeFile(t, "a.jsonl", ""), 0, "the file has no rows"},
		{"empty pickle", writeFile(t, "a.pkl", ""), 0, "byte 0: not a pickle of protocol 2 to 5, which starts with the byte " +
			"0x80; pickles of protocol 0 or 1 have to be written again"},
		{"not gzip", writeFile(t, "a.jsonl.gz", "{}"), 0, "decompressing: the gzip data is cut off"},
		{"not gzip, longer", writeFile(t, "a.jsonl.gz", `{"tok_inputs":[1]}`), 0, "decompressing: gzip: invalid header"},
		{"cut gzip", writeFile(t, "a.jsonl.gz", cutGzip[:len(cutGzip)-9]), 0, "line 1: decompressing: the gzip data is cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(loadErr(t, tt.path, tt.n), tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

func TestLoadEndsWithItsContext(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	if _, err := Load(ctx, LoadOptions{Path: "testdata/lines.jsonl"}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// A pickle that is cut anywhere, or that has a byte missing, is an error that says where.
func TestLoadOfCutPickles(t *testing.T) {
	for _, name := range []string{"p13-bad-bool.pkl", "p22-bad-bool.pkl", "p30-bad-bool.pkl", "p30-int64-p2.pkl"} {
		data, err := os.ReadFile(filepath.Join("testdata/pickle", name))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(data); n += 1 + len(data)/1000 {
			_, err := readPickle(bytes.NewReader(data[:n]), 0)
			if err == nil {
				t.Fatalf("%s cut to %d bytes: no error", name, n)
			}
			if n > 2 && !strings.Contains(err.Error(), "the pickle is cut off") || !strings.HasPrefix(err.Error(), "byte ") {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestInflateIsBounded(t *testing.T) {
	r, err := inflate(strings.NewReader(gzipped(t, strings.Repeat(" ", 1<<20))), 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	_, err = new(bytes.Buffer).ReadFrom(r)
	const want = "it inflates to more than 65536 bytes, far more than its size lets expect; decompress it first if it is meant to"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func folder(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
