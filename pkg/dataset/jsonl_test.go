package dataset

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadJSONL(t *testing.T) {
	tests := []struct {
		name, text string
		want       [][]int32
	}{
		{"one", `{"tok_inputs":[1,2,3]}`, [][]int32{{1, 2, 3}}},
		{"other keys", `{"prompt":"a ] , [","n":{"tok_inputs":[9]},"tok_inputs":[0],"x":null}` + "\n", [][]int32{{0}}},
		{"the exact key", `{"Tok_Inputs":[9],"tok_inputs":[1]}`, [][]int32{{1}}},
		{"blanks", "\n" + ` { "tok_inputs" : [ 1 ,` + "\t" + `2 ] } ` + "\r\n\n" + `{"tok_inputs":[2147483647]}` + "\n\n",
			[][]int32{{1, 2}, {2147483647}}},
		{"escaped key", `{"tok\u005finputs":[4]}`, [][]int32{{4}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readJSONL(strings.NewReader(tt.text), 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(idsOf(Set{Prompts: got.prompts}), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadJSONLOfALongLine(t *testing.T) {
	want := make([]int32, 200_000)
	for i := range want {
		want[i] = int32(i * 7)
	}
	data, err := json.Marshal(map[string]any{"tok_inputs": want, "text": strings.Repeat("x", 1<<20)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readJSONL(strings.NewReader(string(data)+"\n"+string(data)), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.prompts) != 2 || !slices.Equal(got.prompts[0].IDs, want) || !slices.Equal(got.prompts[1].IDs, want) {
		t.Errorf("got %d rows, or other ids", len(got.prompts))
	}
}

func TestReadJSONLRefuses(t *testing.T) {
	const one = "1 row cannot be used (rows count from 0): "
	const ids = "; allowed: integers from 0 to 2147483647"
	tests := []struct{ name, text, want string }{
		{"float", `{"tok_inputs":[1]}` + "\n\n" + `{"tok_inputs":[1,2.0]}`, one + "line 3, row 1: id 1 of the row (from 0) is the float 2.0" + ids},
		{"exponent", `{"tok_inputs":[1e3]}`, one + "line 1, row 0: id 0 of the row (from 0) is the float 1e3" + ids},
		{"bool", `{"tok_inputs":[true]}`, one + "line 1, row 0: id 0 of the row (from 0) is a bool" + ids},
		{"string", `{"tok_inputs":["1"]}`, one + "line 1, row 0: id 0 of the row (from 0) is a string" + ids},
		{"null", `{"tok_inputs":[1,null]}`, one + "line 1, row 0: id 1 of the row (from 0) is null" + ids},
		{"list", `{"tok_inputs":[[1,2]]}`, one + "line 1, row 0: id 0 of the row (from 0) is a list" + ids},
		{"negative", `{"tok_inputs":[-5]}`, one + "line 1, row 0: id 0 of the row (from 0) is -5" + ids},
		{"beyond int32", `{"tok_inputs":[2147483648]}`, one + "line 1, row 0: id 0 of the row (from 0) is 2147483648" + ids},
		{"beyond int64", `{"tok_inputs":[1` + strings.Repeat("0", 90) + `]}`,
			one + "line 1, row 0: id 0 of the row (from 0) is 1" + strings.Repeat("0", 79) + "…" + ids},
		{"empty", `{"tok_inputs":[ ]}`, one + "line 1, row 0: has no ids; allowed: at least one"},
		{"no list", `{"tok_inputs":"1 2"}`, one + "line 1, row 0: tok_inputs is a string; " + wanted},
		{"no key", `{"ids":[1]}`, one + "line 1, row 0: the object has no key tok_inputs"},
		{"twice", `{"tok_inputs":[1],"tok_inputs":[2]}`, one + "line 1, row 0: the key tok_inputs is there twice"},
		{"a list", `[1,2]`, one + "line 1, row 0: the line is a list; allowed: an object with the key tok_inputs"},
		{"two objects", `{"tok_inputs":[1]} {"tok_inputs":[1]}`,
			one + "line 1, row 0: something follows the object; allowed: one object a line"},
		{"cut", `{"tok_inputs":[1`, one + "line 1, row 0: the line ends within the object"},
		{"cut before the brace", `{"tok_inputs":[1]`, one + "line 1, row 0: the line ends within the object"},
		{"no JSON", `{tok_inputs:[1]}`, one + "line 1, row 0: not JSON: invalid character 't'"},
		{"two rows", `{"tok_inputs":[-1]}` + "\n" + `{}`, "2 rows cannot be used (rows count from 0):\n" +
			"  line 1, row 0: id 0 of the row (from 0) is -1" + ids + "\n  line 2, row 1: the object has no key tok_inputs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readJSONL(strings.NewReader(tt.text), 0)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(err.Error(), tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

func FuzzReadJSONL(f *testing.F) {
	data, err := os.ReadFile("testdata/lines.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data[:2000]))
	for _, s := range []string{`{"tok_inputs":[1,2]}`, `{"a":{"b":[]},"tok_inputs":[ 0 , 7 ]}` + "\n\r\n", `{"tok_inputs":[-1,1.5]}`,
		`{"tok_inputs":["1",true,null]}`, `{"tok_inputs":`, `[]`, `{}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readJSONL(strings.NewReader(text), 0)
		if err != nil {
			return
		}
		lines := 0
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			// The standard decoder must read the same ids.
			var object map[string]json.RawMessage
			var ids []json.Number
			if err := json.Unmarshal([]byte(line), &object); err != nil {
				t.Fatalf("accepted %q: %v", line, err)
			}
			if err := json.Unmarshal(object[column], &ids); err != nil {
				t.Fatalf("accepted %q: %v", line, err)
			}
			checkPrompt(t, got.prompts[lines])
			for i, id := range ids {
				if id.String() != strconv.Itoa(int(got.prompts[lines].IDs[i])) {
					t.Fatalf("%q: id %d is %d", line, i, got.prompts[lines].IDs[i])
				}
			}
			lines++
		}
		if got.rows != lines {
			t.Errorf("%d rows of %d lines", got.rows, lines)
		}
	})
}

func BenchmarkLoadJSONL(b *testing.B) {
	line := []byte(`{"tok_inputs":[`)
	for i := range 1024 {
		line = append(strconv.AppendInt(line, int64(i*125), 10), ',')
	}
	line = append(line[:len(line)-1], "]}\n"...)
	path := writeFile(b, "a.jsonl", strings.Repeat(string(line), 1024))
	b.Run("1024x1024", func(b *testing.B) {
		for b.Loop() {
			set, err := Load(b.Context(), LoadOptions{Path: path, NumRequests: 1024})
			if err != nil || set.Tokens() != 1<<20 {
				b.Fatal(set.Tokens(), err)
			}
		}
	})
}
