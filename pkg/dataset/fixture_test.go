package dataset

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// expected are the prompts that all good files in testdata/pickle hold.
func expected(t testing.TB) [][]int32 {
	t.Helper()
	data, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]int32
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// idsOf are the ids of all prompts of a set.
func idsOf(s Set) [][]int32 {
	var rows [][]int32
	for _, p := range s.Prompts {
		rows = append(rows, p.IDs)
	}
	return rows
}

// setOf is a set of prompts with these ids.
func setOf(rows ...[]int32) Set {
	s := Set{Source: "test", RowsInFile: len(rows)}
	for i, ids := range rows {
		s.Prompts = append(s.Prompts, Prompt{Row: i, IDs: ids})
	}
	return s
}

// writeFile writes a file of that name into a new folder and returns its path.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadErr is the error of loading a file, without the part that names the file.
func loadErr(t testing.TB, path string, n int) string {
	t.Helper()
	_, err := Load(context.Background(), LoadOptions{Path: path, NumRequests: n})
	if err == nil {
		t.Fatalf("loading %s: no error", path)
	}
	text, ok := strings.CutPrefix(err.Error(), "reading data set "+path+": ")
	if !ok {
		t.Fatalf("loading %s: the error does not name it: %v", path, err)
	}
	return text
}

// The functions below write pieces of a pickle.

const pickleHead, pickleEnd = "\x80\x02", "."

func le4(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func pyText(s string) string { return "X" + le4(len(s)) + s }

func pyBytes(b []byte) string { return "B" + le4(len(b)) + string(b) }

func pyInt(n int) string { return "J" + le4(n) }

func pyList(items ...string) string { return "](" + strings.Join(items, "") + "e" }

func pyClass(module, name string) string { return "c" + module + "\n" + name + "\n" }

func pyCall(class string, args ...string) string { return class + "(" + strings.Join(args, "") + "tR" }

// pyDtype is a dtype with its byte order.
func pyDtype(code, order string) string {
	return pyCall(pyClass("numpy", "dtype"), pyText(code), "\x89", "\x88") + "(" + pyInt(3) + pyText(order) + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
}

// pyArray is a one-dimensional array.
func pyArray(dtype string, n int, raw []byte) string {
	return pyCall(pyClass("numpy.core.numeric", "_frombuffer"), pyBytes(raw), dtype, pyInt(n)+"\x85", pyText("C"))
}

func pyInt64s(ids ...int) string {
	var raw []byte
	for _, id := range ids {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(id))
	}
	return pyArray(pyDtype("i8", "<"), len(ids), raw)
}

func pyDict(pairs ...string) string { return "}(" + strings.Join(pairs, "") + "u" }

func pickled(parts ...string) string { return pickleHead + strings.Join(parts, "") + pickleEnd }
