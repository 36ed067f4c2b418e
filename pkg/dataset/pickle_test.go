package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pyObject is an object that was made without arguments and given a state.
func pyObject(module, name, state string) string {
	return pyClass(module, name) + ")\x81" + state + "b"
}

// pyObjects is an array of objects, in C or F order.
func pyObjects(fortran bool, shape string, items ...string) string {
	order := "\x89"
	if fortran {
		order = "\x88"
	}
	return pyCall(pyClass("numpy.core.multiarray", "_reconstruct"), pyClass("numpy", "ndarray"), "K\x00\x85", pyBytes([]byte("b"))) +
		"(K\x01" + shape + pyDtype("O8", "|") + order + pyList(items...) + "tb"
}

func pyShape(dims ...int) string {
	s := "("
	for _, d := range dims {
		s += pyInt(d)
	}
	return s + "t"
}

func pySlice(start, stop, step int) string {
	return pyCall(pyClass("builtins", "slice"), pyInt(start), pyInt(stop), pyInt(step))
}

func pyBlock(values, placement string) string {
	return pyCall(pyClass("pandas._libs.internals", "_unpickle_block"), values, placement, pyInt(2))
}

func pyColumns(names ...string) string {
	items := make([]string, len(names))
	for i, n := range names {
		items[i] = pyText(n)
	}
	return pyCall(pyClass("pandas.core.indexes.base", "_new_Index"), pyClass("pandas", "Index"),
		pyDict(pyText("data"), pyObjects(false, pyShape(len(names)), items...), pyText("name"), "N"))
}

func pyFrame(columns string, blocks ...string) string {
	manager := pyCall(pyClass("pandas.core.internals.managers", "BlockManager"), "("+strings.Join(blocks, "")+"t", pyList(columns, "N"))
	return pyObject("pandas", "DataFrame", pyDict(pyText("_mgr"), manager))
}

// Where the column is found: every frame below holds the rows [1 2] and [3].
func TestFrameLayouts(t *testing.T) {
	a, b, other := pyInt64s(1, 2), pyList(pyInt(3)), pyText("other")
	int64s := func(ids ...int64) []byte {
		var raw []byte
		for _, id := range ids {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(id))
		}
		return raw
	}
	oldState := "(" + pyList() + pyList() + pyList() + pyDict(pyText("0.14.1"), pyDict(
		pyText("axes"), pyList(pyColumns("x", column), "N"),
		pyText("blocks"), pyList(pyDict(pyText("values"), pyObjects(false, pyShape(1, 2), a, b), pyText("mgr_locs"), pySlice(1, 2, 1))))) + "t"
	tests := map[string]string{
		"C order":  pyFrame(pyColumns("x", column), pyBlock(pyObjects(false, pyShape(2, 2), other, other, a, b), pySlice(0, 2, 1))),
		"F order":  pyFrame(pyColumns("x", column), pyBlock(pyObjects(true, pyShape(2, 2), other, a, other, b), pySlice(0, 2, 1))),
		"step":     pyFrame(pyColumns("x", "y", column), pyBlock(pyObjects(false, pyShape(2, 2), other, other, a, b), pySlice(0, 3, 2))),
		"downward": pyFrame(pyColumns("x", column), pyBlock(pyObjects(false, pyShape(2, 2), a, b, other, other), pySlice(1, -1, -1))),
		"second block": pyFrame(pyColumns("x", column), pyBlock(pyArray(pyDtype("i8", "<"), 1, int64s(7)), pySlice(0, 1, 1)),
			pyBlock(pyObjects(false, pyShape(1, 2), a, b), pySlice(1, 2, 1))),
		"placement as array": pyFrame(pyColumns("x", "y", "z", column), pyBlock(pyObjects(false, pyShape(3, 2), other, other, a, b, other, other),
			pyArray(pyDtype("i8", "<"), 3, int64s(0, 3, 1)))),
		"state of pandas 1.0": pyObject("pandas.core.frame", "DataFrame",
			pyDict(pyText("_data"), pyObject("pandas.core.internals.managers", "BlockManager", oldState))),
		"dict":                      pyDict(pyText(column), pyList(a, b)),
		"dict, last wins":           pyDict(pyText(column), pyList(), pyText(column), pyList(a, b)),
		"array of objects":          pyObjects(false, pyShape(2), a, b),
		"rows as arrays of objects": pyList(pyObjects(false, pyShape(2), pyInt(1), pyInt(2)), b),
		"list of dicts":             pyList(pyDict(pyText("x"), "N", pyText(column), a), pyDict(pyText(column), b)),
	}
	for name, pickle := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readPickle(strings.NewReader(pickled(pickle)), 0)
			if err != nil {
				t.Fatal(err)
			}
			want := table{rows: 2, prompts: []Prompt{{Row: 0, IDs: []int32{1, 2}}, {Row: 1, IDs: []int32{3}}}}
			if diff := cmp.Diff(got, want, cmp.AllowUnexported(table{})); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestPickleElementTypes(t *testing.T) {
	tests := []struct {
		code, order string
		raw         []byte
		want        []int32
	}{
		{"i1", "|", []byte{0, 127}, []int32{0, 127}},
		{"u1", "|", []byte{1, 255}, []int32{1, 255}},
		{"i2", "<", []byte{1, 2}, []int32{0x201}},
		{"i2", ">", []byte{1, 2}, []int32{0x102}},
		{"u2", "<", []byte{0, 255}, []int32{0xff00}},
		{"i4", ">", []byte{1, 2, 3, 4}, []int32{0x01020304}},
		{"u4", "<", []byte{1, 2, 3, 4}, []int32{0x04030201}},
		{"u8", ">", []byte{0, 0, 0, 0, 0, 0, 1, 0}, []int32{256}},
	}
	for _, tt := range tests {
		pickle := pickled(pyList(pyArray(pyDtype(tt.code, tt.order), len(tt.want), tt.raw)))
		got, err := readPickle(strings.NewReader(pickle), 0)
		if err != nil {
			t.Fatalf("%s%s: %v", tt.order, tt.code, err)
		}
		if diff := cmp.Diff(got.prompts[0].IDs, tt.want); diff != "" {
			t.Errorf("%s%s (-got +want):\n%s", tt.order, tt.code, diff)
		}
	}
}

func TestReadPickleRefuses(t *testing.T) {
	const one = "1 row cannot be used (rows count from 0): row 0: "
	const ids = "; allowed: integers from 0 to 2147483647"
	objects := pyObjects(false, pyShape(1, 1), pyInt64s(1))
	tests := []struct{ name, pickle, want string }{
		{"a number", pyInt(5), "the pickle holds the integer 5; allowed: a pandas DataFrame with a column tok_inputs, a Series, a " +
			"dict with the key tok_inputs, or a list of rows"},
		{"flat list", pyList(pyInt(5)), one + "is the integer 5; " + wanted},
		{"other dict", pyDict(pyText("ids"), pyList()), "the pickle is a dict without the key tok_inputs"},
		{"other dict in a list", pyList(pyDict(pyText("ids"), "N")), "row 0 (from 0) is a dict without the key tok_inputs"},
		{"bool in a list", pyList(pyList(pyInt(1), "\x88")), one + "id 1 of the row (from 0) is a bool" + ids},
		{"float in a list", pyList(pyList("G\x3f\xf0\x00\x00\x00\x00\x00\x00")), one + "id 0 of the row (from 0) is the float 1" + ids},
		{"text in a list", pyList(pyList(pyText("7"))), one + `id 0 of the row (from 0) is the text "7"` + ids},
		{"list in a list", pyList(pyList(pyList())), one + "id 0 of the row (from 0) is a list" + ids},
		{"beyond int32", pyList(pyInt64s(1, 1<<31)), one + "id 1 of the row (from 0) is 2147483648" + ids},
		{"beyond int64", pyList(pyArray(pyDtype("u8", "<"), 1, bytes.Repeat([]byte{0xff}, 8))),
			one + "id 0 of the row (from 0) is 18446744073709551615" + ids},
		{"big int", pyList(pyList("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01")), one + "id 0 of the row (from 0) is 18446744073709551616" + ids},
		{"scalar of floats", pyList(pyList(pyCall(pyClass("numpy.core.multiarray", "scalar"), pyDtype("f4", "<"), pyBytes([]byte("1234"))))),
			one + "id 0 of the row (from 0) is a numpy float32" + ids},
		{"list that holds itself", "]2a", one + "id 0 of the row (from 0) is a list" + ids},
		{"array shorter than its shape", pyList(pyArray(pyDtype("i8", "<"), 2, make([]byte, 8))),
			one + "is an array of int64 of shape [2] that holds 8 bytes; the file is damaged"},
		{"array larger than any file", pyList(pyArray(pyDtype("i8", "<"), 1<<30, nil)),
			one + "has 1073741824 ids, and the rows up to it more than the file has bytes; the file is damaged"},
		{"empty type", pyCall(pyClass("numpy", "dtype"), pyText("<"), "\x89", "\x88"),
			"decoding the pickle, before byte 26: numpy.dtype: is made of the text \"<\"; allowed: a type code such as i8"},
		{"twice the column", pyFrame(pyColumns(column, column), pyBlock(objects, pySlice(0, 1, 1))),
			"the DataFrame has more than one column tok_inputs"},
		{"column of no block", pyFrame(pyColumns("x", column), pyBlock(objects, pySlice(0, 1, 1))),
			"the DataFrame: no block holds column 1; the file is damaged"},
		{"column of ints", pyFrame(pyColumns(column), pyBlock(pyInt64s(1, 2), pySlice(0, 1, 1))),
			"row 0: column tok_inputs is an array of int64; allowed: an array of objects, which holds a list or array of integers in each row"},
		{"column of another type", pyFrame(pyColumns(column), pyBlock(pyObject("pandas", "Categorical", "N"), pySlice(0, 1, 1))),
			"row 0: column tok_inputs is an object of pandas.Categorical; allowed: objects, each a list or array of integers"},
		{"no manager", pyObject("pandas", "DataFrame", pyDict()), "the DataFrame: its data is None; allowed: a BlockManager"},
		{"a call of what cannot be called", pyObject("pandas", "DataFrame", pyDict()) + ")R",
			"decoding the pickle, before byte 28: an object of pandas.DataFrame cannot be called"},
		{"attribute of a builtin", pyCall(pyClass("builtins", "getattr"), pyClass("pandas", "DataFrame"), pyText("eval")),
			"decoding the pickle, before byte 50: builtins.getattr: asks for an attribute that no data set needs; nothing of it was run"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := readPickle(strings.NewReader(pickled(tt.pickle)), 0)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(err.Error(), tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

// Parts of numpy's that no numpy writes. Each error also says where the decoder was.
func TestDamagedNumpy(t *testing.T) {
	i8 := pyDtype("i8", "<")
	array := func(state string) string {
		return pyCall(pyClass("numpy.core.multiarray", "_reconstruct")) + state + "b"
	}
	buffer := func(args ...string) string { return pyCall(pyClass("numpy._core.numeric", "_frombuffer"), args...) }
	encode := pyClass("_codecs", "encode")
	tests := []struct{ name, pickle, want string }{
		{"state of three", array("NNN\x87"), "numpy.ndarray: its state is a tuple; allowed: a tuple of 5"},
		{"no dtype", array("(K\x01)N\x89Nt"), "numpy.ndarray: its dtype is None"},
		{"no shape", array("(K\x01N" + i8 + "\x89Nt"), "numpy.ndarray: its shape is None; allowed: a tuple"},
		{"negative shape", array("(K\x01" + pyShape(-1) + i8 + "\x89Nt"), "numpy.ndarray: its shape contains the integer -1; allowed: integers from 0"},
		{"order of a buffer", buffer("N", i8, pyShape(1), pyText("K")), `numpy._core.numeric._frombuffer: its order is the text "K"; allowed: C F`},
		{"arguments of a buffer", buffer("N"), "numpy._core.numeric._frombuffer: has 1 arguments; allowed: 4"},
		{"byte order", pyDtype("i8", "?"), `numpy.dtype: its byte order is the text "?"; allowed: < > | =`},
		{"state of a dtype", pyCall(pyClass("numpy", "dtype"), pyText("i8")) + "Nb", "numpy.dtype: its state is None; allowed: a tuple of two or more"},
		{"scalar", pyCall(pyClass("numpy.core.multiarray", "scalar"), "N"), "numpy.core.multiarray.scalar: allowed: a dtype and bytes as arguments"},
		{"encoding", pyCall(encode, pyText("x"), pyText("utf-16")),
			`_codecs.encode: makes bytes of the text "x"; allowed: bytes, or a text with the encoding latin1`},
		{"bytes of a number", pyCall(pyClass("builtins", "bytearray"), pyInt(1<<30)),
			"builtins.bytearray: makes bytes of the integer 1073741824; allowed: bytes, or a text with the encoding latin1"},
		{"set of bytes", "\x8f(" + pyBytes([]byte("x")) + "\x90", "runtime error: hash of unhashable type []uint8"},
	}
	for _, tt := range tests {
		_, err := readPickle(strings.NewReader(pickled(tt.pickle)), 0)
		if err == nil || !strings.HasPrefix(err.Error(), "decoding the pickle, before byte ") || !strings.HasSuffix(err.Error(), ": "+tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// Protocol 2 has no bytes: they are a text with one character a byte, or, by Python 2, a string.
func TestBytesOfProtocol2(t *testing.T) {
	array := func(raw string) string {
		return pyCall(pyClass("numpy.core.multiarray", "_reconstruct")) + "(K\x01" + pyShape(1) + pyDtype("u2", "<") + "\x89" + raw + "tb"
	}
	encoded := func(text string) string { return pyCall(pyClass("_codecs", "encode"), pyText(text), pyText("latin1")) }
	tests := []struct {
		raw  string
		want int32 // -1 for an error
	}{
		{encoded("\u00ff\u0001"), 0x1ff},
		{pyCall(pyClass("__builtin__", "bytearray"), encoded("\u00ff\u0001")), 0x1ff},
		{"U\x02\xff\x01", 0x1ff},
		{encoded("\u0100\u0001"), -1},
		{pyCall(pyClass("__builtin__", "bytes")), -1},
	}
	for _, tt := range tests {
		got, err := readPickle(strings.NewReader(pickled(pyList(array(tt.raw)))), 0)
		if tt.want < 0 {
			if err == nil || !strings.Contains(err.Error(), "row 0: is an array of uint16 of shape [1] that holds 0 bytes; the file is damaged") {
				t.Errorf("%q: got %v", tt.raw, err)
			}
			continue
		}
		if err != nil || got.prompts[0].IDs[0] != tt.want {
			t.Errorf("%q: got %v, %v", tt.raw, got, err)
		}
	}
}

// Rows that are one object are read once, however many they are.
func TestRowsThatAreOneObject(t *testing.T) {
	pickle := pickled(pyInt64s(1, 2, 3), "q\x07", "0](", strings.Repeat("h\x07", 1000), "e")
	got, err := readPickle(strings.NewReader(pickle), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.prompts) != 1000 || &got.prompts[0].IDs[0] != &got.prompts[999].IDs[0] {
		t.Errorf("got %d prompts, or copies", len(got.prompts))
	}
}

func FuzzReadPickle(f *testing.F) {
	seeds, err := filepath.Glob("testdata/pickle/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(pickled(pyFrame(pyColumns("x", column), pyBlock(pyObjects(true, pyShape(2, 1), "N", pyInt64s(1)), pySlice(1, -1, -1))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readPickle(bytes.NewReader(data), 0)
		if err != nil {
			return
		}
		if len(got.prompts) != got.rows {
			t.Errorf("%d prompts of %d rows", len(got.prompts), got.rows)
		}
		for _, p := range got.prompts {
			checkPrompt(t, p)
		}
	})
}

// checkPrompt holds a prompt against what the type promises.
func checkPrompt(t *testing.T, p Prompt) {
	t.Helper()
	if len(p.IDs) == 0 {
		t.Errorf("row %d has no ids", p.Row)
	}
	for _, id := range p.IDs {
		if id < 0 {
			t.Errorf("row %d has the id %d", p.Row, id)
		}
	}
}

func BenchmarkLoadPickle(b *testing.B) {
	ids, list := make([]int, 1024), make([]string, 1024)
	for i := range ids {
		ids[i] = i * 125
		list[i] = pyInt(i * 125)
	}
	for name, row := range map[string]string{"arrays": pyInt64s(ids...), "lists": pyList(list...)} {
		path := writeFile(b, "a.pkl", pickled("](", strings.Repeat(row, 1024), "e"))
		b.Run(fmt.Sprintf("1024x1024 %s", name), func(b *testing.B) {
			for b.Loop() {
				set, err := Load(b.Context(), LoadOptions{Path: path, NumRequests: 1024})
				if err != nil || set.Tokens() != 1<<20 {
					b.Fatal(set.Tokens(), err)
				}
			}
		})
	}
}
