package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fieldReader reads the fields of a JSON object with the conversions of pydantic's lax mode and collects its complaints.
type fieldReader struct {
	fields map[string]json.RawMessage
	errs   []fieldError
}

// raw returns a field's text; false when it is absent or null.
func (r *fieldReader) raw(name string) (json.RawMessage, bool) {
	raw, ok := r.fields[name]
	return raw, ok && string(raw) != "null"
}

// given returns a field's text; with required set, null is returned as well, for the conversion to refuse.
func (r *fieldReader) given(name string, required bool) (json.RawMessage, bool) {
	if !required {
		return r.raw(name)
	}
	raw, ok := r.fields[name]
	return raw, ok
}

func (r *fieldReader) fail(loc string, raw json.RawMessage, kind, msg string) {
	r.errs = append(r.errs, fieldError{kind: kind, loc: loc, msg: msg, input: inputText(raw)})
}

// integer reads an integer; an absent one keeps the fallback.
func (r *fieldReader) integer(name string, fallback int, required bool) int {
	raw, ok := r.given(name, required)
	if !ok {
		return fallback
	}
	n, kind, msg := toInt(raw)
	if kind != "" {
		r.fail("body."+name, raw, kind, msg)
		return fallback
	}
	return int(n)
}

// toInt converts to an integer; a kind and message of pydantic say why it is none.
func toInt(raw json.RawMessage) (n int64, kind, msg string) {
	const valid = "Input should be a valid integer"
	switch text := string(raw); {
	case text == "true":
		return 1, "", ""
	case text == "false":
		return 0, "", ""
	case raw[0] == '"':
		n, err := strconv.ParseInt(strings.TrimSpace(unquote(raw)), 10, 64)
		if err != nil {
			return 0, "int_parsing", valid + ", unable to parse string as an integer"
		}
		return n, "", ""
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, "", ""
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) >= 1<<63 {
			return 0, "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"
		}
		if f != math.Trunc(f) {
			return 0, "int_from_float", valid + ", got a number with a fractional part"
		}
		return int64(f), "", ""
	}
	return 0, "int_type", valid
}

// number reads a float; an absent one keeps the fallback.
func (r *fieldReader) number(name string, fallback float64) float64 {
	raw, ok := r.raw(name)
	if !ok {
		return fallback
	}
	const valid = "Input should be a valid number"
	var f float64
	switch {
	case json.Unmarshal(raw, &f) == nil:
		return f
	case raw[0] == '"':
		f, err := strconv.ParseFloat(strings.TrimSpace(unquote(raw)), 64)
		if err == nil {
			return f
		}
		r.fail("body."+name, raw, "float_parsing", valid+", unable to parse string as a number")
	default:
		r.fail("body."+name, raw, "float_type", valid)
	}
	return fallback
}

// boolean reads a truth value.
func (r *fieldReader) boolean(name string, required bool) bool {
	raw, ok := r.given(name, required)
	if !ok {
		return false
	}
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1", "yes", "y", "on", "t":
		return true
	case "false", "0", "no", "n", "off", "f":
		return false
	}
	if raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		r.fail("body."+name, raw, "bool_parsing", "Input should be a valid boolean, unable to interpret input")
		return false
	}
	r.fail("body."+name, raw, "bool_type", "Input should be a valid boolean")
	return false
}

// text reads a string.
func (r *fieldReader) text(name string) string {
	raw, ok := r.raw(name)
	if !ok {
		return ""
	}
	if raw[0] != '"' {
		r.fail("body."+name, raw, "string_type", "Input should be a valid string")
		return ""
	}
	return unquote(raw)
}

// integers reads a list of integers.
func (r *fieldReader) integers(name string) []int32 {
	raw, ok := r.raw(name)
	if !ok {
		return nil
	}
	items, isList := listItems(raw)
	if !isList {
		r.fail("body."+name, raw, "list_type", "Input should be a valid list")
		return nil
	}
	ids := make([]int32, 0, len(items))
	for i, item := range items {
		n, kind, msg := toInt(item)
		if kind != "" {
			r.fail(fmt.Sprintf("body.%s.%d", name, i), item, kind, msg)
			continue
		}
		ids = append(ids, clampID(n))
	}
	return ids
}

// object reads a nested object; nil when absent.
func (r *fieldReader) object(name string) *fieldReader {
	raw, ok := r.raw(name)
	if !ok {
		return nil
	}
	nested := &fieldReader{}
	if json.Unmarshal(raw, &nested.fields) != nil {
		r.fail("body."+name, raw, "model_attributes_type",
			"Input should be a valid dictionary or object to extract fields from")
		return nil
	}
	return nested
}

// clampID keeps an id that no vocabulary has out of every vocabulary.
func clampID(n int64) int32 { return int32(max(math.MinInt32, min(n, math.MaxInt32))) }

func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// listItems splits a JSON array; false when it is something else.
func listItems(raw json.RawMessage) ([]json.RawMessage, bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	var items []json.RawMessage
	err := json.Unmarshal(raw, &items)
	return items, err == nil
}

// maxInputText bounds how much of an offending value a complaint repeats.
const maxInputText = 200

// inputText is how a complaint shows the offending value: containers by their size, the rest as Python prints it.
func inputText(raw json.RawMessage) string {
	var fields map[string]json.RawMessage
	text := string(raw)
	switch {
	case text == "" || text == "null":
		return "None"
	case text == "true":
		return "True"
	case text == "false":
		return "False"
	case raw[0] == '[':
		items, _ := listItems(raw)
		return fmt.Sprintf("<list of %d items>", len(items))
	case raw[0] == '{':
		_ = json.Unmarshal(raw, &fields)
		return fmt.Sprintf("<dict of %d items>", len(fields))
	case raw[0] == '"':
		text = unquote(raw)
	}
	if runes := []rune(text); len(runes) > maxInputText {
		return string(runes[:maxInputText]) + "...[truncated]"
	}
	return text
}
