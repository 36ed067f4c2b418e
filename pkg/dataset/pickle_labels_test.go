package dataset

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pyArrow is an Arrow array of texts: its type, offsets of that width, and where in the buffers it begins.
func pyArrow(typ string, width, length, first int, offsets []int, text string) string {
	var raw []byte
	for _, o := range offsets {
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, uint64(o))[:width]...)
	}
	buffer := func(b []byte) string { return pyCall(pyClass("pyarrow.lib", "py_buffer"), pyBytes(b)) }
	parts := "(" + pyCall(pyClass("pyarrow.lib", "type_for_alias"), pyText(typ)) + pyInt(length) + pyInt(0) + pyInt(first) +
		pyList("N", buffer(raw), buffer([]byte(text))) + pyList() + "Nt"
	return pyCall(pyClass("pyarrow.lib", "_restore_array"), parts)
}

func TestArrowLabels(t *testing.T) {
	texts := []int{0, 1, 11}
	chunks := func(arrays ...string) string {
		return pyCall(pyClass("pyarrow.lib", "chunked_array"), pyList(arrays...), "N")
	}
	tests := []struct{ name, array, want string }{
		{"large_string", pyArrow("large_string", 8, 2, 0, texts, "xtok_inputs"), ""},
		{"string", pyArrow("string", 4, 2, 0, texts, "xtok_inputs"), ""},
		{"begins later", pyArrow("string", 4, 2, 1, []int{0, 3, 4, 14}, "zzzxtok_inputs"), ""},
		{"chunks", chunks(pyArrow("string", 4, 1, 0, []int{0, 1}, "x"), pyArrow("string", 4, 1, 0, []int{0, 10}, "tok_inputs")), ""},
		{"longer than its offsets", pyArrow("string", 4, 3, 0, texts, "xtok_inputs"), "are an Arrow array that is shorter than its length; the file is damaged"},
		{"begins beyond its end", pyArrow("string", 4, 2, 1, texts, "xtok_inputs"), "are an Arrow array that is shorter than its length; the file is damaged"},
		{"no offsets", pyArrow("string", 4, 0, 0, nil, ""), "are an Arrow array that is shorter than its length; the file is damaged"},
		{"offset beyond the text", pyArrow("string", 4, 2, 0, []int{0, 1, 12}, "xtok_inputs"), "are an Arrow array whose offsets leave its text; the file is damaged"},
		{"offset before the last", pyArrow("large_string", 8, 2, 0, []int{0, 5, 1}, "xtok_inputs"), "are an Arrow array whose offsets leave its text; the file is damaged"},
		{"other type", pyArrow("int64", 8, 2, 0, texts, "xtok_inputs"), "are an Arrow array of type an object of pyarrow.lib.type_for_alias; allowed: string large_string"},
		{"broken chunk", chunks(pyArrow("int64", 8, 2, 0, texts, "xtok_inputs")), "are an Arrow array of type an object of pyarrow.lib.type_for_alias; allowed: string large_string"},
		{"no array", pyInt(5), "are held by the integer 5"},
		{"few parts", pyCall(pyClass("pyarrow.lib", "_restore_array"), ")"), "are an Arrow array of 0 parts; allowed: 5 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			index := pyCall(pyClass("pandas.core.indexes.base", "_new_Index"), pyClass("pandas", "Index"),
				pyDict(pyText("data"), pyObject("pandas.arrays", "ArrowStringArray", pyDict(pyText("_pa_array"), tt.array))))
			frame := pyFrame(index, pyBlock(pyObjects(false, pyShape(1, 1), pyInt64s(8, 9)), pySlice(1, 2, 1)))
			got, err := readPickle(strings.NewReader(pickled(frame)), 0)
			if tt.want != "" {
				if err == nil || err.Error() != "the DataFrame: its columns: "+tt.want {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(idsOf(Set{Prompts: got.prompts}), [][]int32{{8, 9}}); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestColumnNamesInErrors(t *testing.T) {
	many := []string{strings.Repeat("n", 100)}
	for range 11 {
		many = append(many, "x")
	}
	numbers := pyCall(pyClass("pandas.core.indexes.base", "_new_Index"), pyClass("pandas", "Index"), pyDict(pyText("data"), pyInt64s(1)))
	tests := []struct{ columns, want string }{
		{pyColumns(many...), strings.Repeat("n", 80) + "…, x, x, x, x, x, x, x, x, x, and 2 more"},
		{numbers, "none"},
		{pyCall(pyClass("pandas.core.indexes.base", "_new_Index"), pyClass("pandas", "RangeIndex"), "}"), "none"},
	}
	for _, tt := range tests {
		_, err := readPickle(strings.NewReader(pickled(pyFrame(tt.columns))), 0)
		if err == nil || err.Error() != "the DataFrame has no column tok_inputs; it has "+tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
