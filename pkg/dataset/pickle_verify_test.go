package dataset

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerifyPickleRefuses(t *testing.T) {
	tests := []struct{ name, pickle, want string }{
		{"text", "hello", "byte 0: not a pickle of protocol 2 to 5, which starts with the byte 0x80; pickles of protocol 0 or 1 " +
			"have to be written again"},
		{"protocol 6", "\x80\x06N.", "byte 0: pickle protocol 6; allowed: 2 to 5"},
		{"no end", "\x80\x02N", "byte 3: the pickle is cut off: the file ends here, before its STOP"},
		{"nothing to stop with", "\x80\x02.", "byte 2: STOP takes 1 values, the stack has 0; the file is damaged"},
		{"more after the end", "\x80\x02N.N.", "byte 4: 2 bytes follow the end of the pickle; allowed: one pickle a file"},
		{"1.9 GB in 8 bytes", "\x80\x02B\x00\x00\x00\x70.",
			"byte 2: the pickle is cut off, or damaged: BINBYTES needs 1879048192 more bytes, the file has 1"},
		{"length beyond an int", "\x80\x05\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
			"byte 2: the pickle is cut off, or damaged: BINUNICODE8 needs 9223372036854775807 more bytes, the file has 0"},
		{"frame beyond the file", "\x80\x04\x95\x00\x00\x00\x00\x01\x00\x00\x00N.",
			"byte 2: the pickle is cut off, or damaged: its frame has 4294967296 more bytes, the file has 2"},
		{"frame within a frame", "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x95\x00\x00\x00\x00\x00\x00\x00\x00N.",
			"byte 11: a frame within a frame; the file is damaged"},
		{"over a frame's end", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00M\x00\x00.",
			"byte 11: BININT2 reaches over the end of its frame"},
		{"unknown opcode", "\x80\x02\xff.", "byte 2: 0xff is no opcode of pickle protocols 2 to 5; the file is damaged, or no pickle"},
		{"buffer outside", "\x80\x05\x97.", "byte 2: NEXT_BUFFER refers to a buffer outside of the file (it was written with " +
			"buffer_callback); write the pickle again with to_pickle"},
		{"object outside", "\x80\x02NQ.", "byte 3: BINPERSID refers to an object outside of the file; write the pickle again " +
			"with to_pickle"},
		{"memo", "\x80\x02h\x05.", "byte 2: it refers to memo entry 5, which was never stored; the file is damaged"},
		{"store nothing", "\x80\x02q\x05.", "byte 2: BINPUT with nothing on the stack; the file is damaged"},
		{"no mark", "\x80\x02NNt.", "byte 4: TUPLE without a MARK before it; the file is damaged"},
		{"beyond the mark", "\x80\x02N(\x85.", "byte 4: TUPLE1 takes 1 values, the stack has 0; the file is damaged"},
		{"append to a dict", "\x80\x02}Na.", "byte 4: APPEND needs a list, got a dict; the file is damaged"},
		{"key without value", "\x80\x02}(Nu.", "byte 5: SETITEMS with 1 items, a key without a value; the file is damaged"},
		{"call of a text", pickled(pyText("f"), ")R"), "byte 9: REDUCE needs a class or function, got a text; the file is damaged"},
		{"empty int", "\x80\x02\x8a\x00.", "byte 2: an int of 0 bytes; allowed: 1 to 255"},
		{"huge int", pickled("\x8b" + le4(1<<20) + strings.Repeat("x", 1<<20)), "byte 2: an int of 1048576 bytes; allowed: 1 to 255"},
		{"one line", "\x80\x02cos\nsystem", "byte 2: the pickle is cut off: GLOBAL needs two lines"},
		{"class of protocol 4", "\x80\x04" + pyText("builtins") + pyText("eval") + "\x93.",
			"byte 24: it names builtins.eval, which no data set needs; nothing of it was run. Known are the classes of pandas, " +
				"numpy and pyarrow that DataFrames consist of"},
		{"memory", pickled(strings.Repeat("(", 1<<20)),
			"byte 381302: decoding would take more than 134217920 bytes of memory for a pickle of 1048579 bytes; no data set " +
				"needs that"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := verifyPickle([]byte(tt.pickle))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(err.Error(), tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

// What the check accepts with an exotic opcode, the decoder decodes to the same.
func TestVerifyPickleAccepts(t *testing.T) {
	tests := map[string]string{
		"POP of a value":     "](K\x01K\x02N0e",
		"POP of a mark":      "](K\x01K\x02(0e",
		"POP_MARK":           "](K\x01K\x02(KKNN1e",
		"DUP":                "](K\x01K\x0220e",
		"LONG1":              "](K\x01\x8a\x01\x02e",
		"memo of protocol 4": "]\x94(K\x01K\x02e0h\x00",
		"LONG_BINPUT":        "]r\x00\x01\x00\x00(K\x01K\x02e0j\x00\x01\x00\x00",
		"FRAME":              "\x95\x06\x00\x00\x00\x00\x00\x00\x00](K\x01K\x02\x95\x01\x00\x00\x00\x00\x00\x00\x00e",
	}
	for name, row := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readPickle(strings.NewReader(pickled("](", row, "e")), 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, table{rows: 1, prompts: []Prompt{{IDs: []int32{1, 2}}}}, cmp.AllowUnexported(table{})); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// Small files that would make a decoder without bounds take gigabytes are refused in little memory.
func TestPickleMemoryIsBounded(t *testing.T) {
	buffer := make([]byte, 1<<16)
	shared := "0" + strings.Repeat(pyCall("h\x01", "h\x00", "h\x02", pyInt(len(buffer)/2)+"\x85", "h\x03"), 1<<12)
	tests := map[string]string{
		"arrays that share a buffer": pickled(
			pyBytes(buffer), "q\x00", "0", pyClass("numpy.core.numeric", "_frombuffer"), "q\x01", "0", pyDtype("u2", "<"), "q\x02",
			"0", pyText("C"), "q\x03", "](", "N"+shared, "e"),
		"texts that become bytes again and again": pickled(pyText(strings.Repeat("x", 1<<20)), "q\x00", "0",
			pyClass("_codecs", "encode"), "q\x01", "0", pyText("latin1"), "q\x02", "0", "](",
			strings.Repeat(pyCall("h\x01", "h\x00", "h\x02"), 1<<12), "e"),
		"an error about a large object": pickled(pyText(strings.Repeat("x", 1<<20)), "q\x00", "0", "(",
			strings.Repeat("h\x00", 1<<14), "t)R"),
	}
	for name, pickle := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readPickle(strings.NewReader(pickle), 0)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Error("no error")
			}
			if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(memoryFloor+memoryRatio*len(pickle)); used > limit {
				t.Errorf("took %d bytes, more than %d: %v", used, limit, err)
			}
		})
	}
}

func TestLittleEndian(t *testing.T) {
	if got := littleEndian([]byte{1, 2}); got != 0x201 {
		t.Errorf("got %#x", got)
	}
	if got := littleEndian([]byte{0, 0, 0, 0, 0, 0, 0, 0xff}); got != math.MaxInt64 {
		t.Errorf("got %#x", got)
	}
}
