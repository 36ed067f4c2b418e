package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxLine bounds one line of a .jsonl file: a million ids are 8 MB.
const maxLine = 1 << 30

// readJSONL reads one object a line; the ids are under the key tok_inputs.
func readJSONL(r io.Reader, want int) (table, error) {
	var t table
	var bad rowErrors
	lines := lineReader{r: bufio.NewReaderSize(r, 1<<16)}
	for {
		line, err := lines.next()
		if err != nil && err != io.EOF {
			return table{}, fmt.Errorf("line %d: %w", lines.number, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if want == 0 || t.rows < want {
				ids, err := parseLine(line)
				if err != nil {
					bad.add(fmt.Sprintf("line %d, row %d", lines.number, t.rows), err)
				}
				t.prompts = append(t.prompts, Prompt{Row: t.rows, IDs: ids})
			}
			t.rows++
		}
		if err == io.EOF {
			return t, bad.err()
		}
	}
}

// lineReader gives lines of any length up to maxLine.
type lineReader struct {
	r      *bufio.Reader
	number int // of the line last given, from 1
	buf    []byte
}

// next gives a line, valid until the next call; io.EOF comes with the last one, which may be empty.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if l.buf = append(l.buf, part...); len(l.buf) > maxLine {
			return nil, fmt.Errorf("is longer than %d bytes", maxLine)
		}
		if err != bufio.ErrBufferFull {
			return l.buf, err
		}
	}
}

func parseLine(line []byte) ([]int32, error) {
	raw, err := tokInputs(line)
	if err != nil {
		return nil, err
	}
	return parseIDs(raw)
}

// tokInputs finds the value of the key tok_inputs in a JSON object. Keys are compared exactly, which a struct tag of
// encoding/json would not do.
func tokInputs(line []byte) (json.RawMessage, error) {
	if first := bytes.TrimSpace(line)[0]; first != '{' {
		return nil, fmt.Errorf("the line is %s; allowed: an object with the key %s", jsonKind(first), column)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil { // the brace
		return nil, jsonError(err)
	}
	var found json.RawMessage
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, jsonError(err)
		}
		if key != column {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("the key %s is there twice", column)
		}
		found = value
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, jsonError(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the object; allowed: one object a line")
	}
	if found == nil {
		return nil, fmt.Errorf("the object has no key %s", column)
	}
	return found, nil
}

func jsonError(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the line ends within the object")
	}
	return fmt.Errorf("not JSON: %w", err)
}

// parseIDs reads a list of integers out of a value that is known to be JSON.
func parseIDs(raw json.RawMessage) ([]int32, error) {
	if raw[0] != '[' {
		return nil, fmt.Errorf("%s is %s; %s", column, jsonKind(raw[0]), wanted)
	}
	rest := bytes.TrimLeft(raw[1:], " \t\r\n")
	if rest[0] == ']' {
		return nil, errNoIDs
	}
	ids := make([]int32, 0, bytes.Count(rest, []byte{','})+1)
	for {
		if c := rest[0]; c != '-' && (c < '0' || c > '9') {
			return nil, badID(len(ids), jsonKind(c))
		}
		end := numberEnd(rest)
		id, err := parseID(len(ids), rest[:end])
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		rest = bytes.TrimLeft(rest[end:], " \t\r\n")
		if rest[0] == ']' {
			return ids, nil
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	}
}

// numberEnd is the length of the number that JSON in a list begins with.
func numberEnd(b []byte) int {
	n := 0
	for {
		switch b[n] {
		case ',', ']', ' ', '\t', '\r', '\n':
			return n
		}
		n++
	}
}

func parseID(index int, number []byte) (int32, error) {
	id, err := strconv.ParseInt(string(number), 10, 32)
	if err == nil && number[0] != '-' {
		return int32(id), nil
	}
	got := clip(string(number))
	if bytes.ContainsAny(number, ".eE") {
		got = "the float " + got
	}
	return 0, badID(index, got)
}

// errNoIDs refuses an empty row.
var errNoIDs = errors.New("has no ids; allowed: at least one")

// jsonKind names a JSON value by its first byte.
func jsonKind(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return "a number"
	}
	return "not JSON"
}
