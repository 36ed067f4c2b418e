package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// tokenCount is a JSON integer from 0 to 2³¹ − 1: a size, a length or an id.
type tokenCount int32

// UnmarshalJSON refuses what is no such integer. Its error is one to which encoding/json adds the field's name.
func (c *tokenCount) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 31)
	if err != nil {
		return &json.UnmarshalTypeError{Value: clip(string(b)), Type: reflect.TypeFor[tokenCount]()}
	}
	*c = tokenCount(n)
	return nil
}

// tokenIDs is a JSON id, a list of them, or null.
type tokenIDs []int32

// UnmarshalJSON reads any of the three.
func (ids *tokenIDs) UnmarshalJSON(b []byte) error {
	*ids = nil
	if string(b) == "null" {
		return nil
	}
	if b[0] != '[' {
		b = bytes.Join([][]byte{{'['}, b, {']'}}, nil)
	}
	var list []tokenCount
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, id := range list {
		*ids = append(*ids, int32(id))
	}
	return nil
}

// jsonProblem says an error of encoding/json in terms of the file: the line of a syntax error, the field of a wrong type.
func jsonProblem(data []byte, err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(data[:min(e.Offset, int64(len(data)))], []byte{'\n'})
		return fmt.Errorf("line %d: not JSON: %w", line, err)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := e.Field
		if field == "" {
			field = "the file"
		}
		return fmt.Errorf("%s: got %s; allowed: %s", field, e.Value, jsonType(e.Type))
	}
	return err
}

// jsonType says what a Go type is in JSON.
func jsonType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[tokenCount]():
		return "an integer from 0 to 2147483647"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.String:
		return "a string"
	}
	return "an object"
}
