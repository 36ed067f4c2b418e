package simulator

import (
	"encoding/json"
	"fmt"
)

// promptInput is the prompt field of a request: a list of ids, a list of such lists, a text or a list of texts.
type promptInput struct {
	ids [][]int32
	// highest is the largest id of all.
	highest int64
}

// readPrompt reads the prompt, or says why it is none, one complaint for each form that it could have had.
func readPrompt(raw json.RawMessage, vocab int) (promptInput, []fieldError) {
	if ids, highest, ok := scanIDs(raw); ok {
		if len(ids) == 0 {
			return promptInput{}, nil
		}
		return promptInput{[][]int32{ids}, highest}, nil
	}
	if raw[0] == '"' {
		return promptInput{ids: [][]int32{textTokens(unquote(raw), vocab)}}, nil
	}
	items, isList := listItems(raw)
	if !isList {
		r := &fieldReader{}
		for _, form := range []string{"list", "list", "string", "list"} {
			r.fail("body.prompt", raw, form+"_type", "Input should be a valid "+form)
		}
		return promptInput{}, r.errs
	}
	input := promptInput{}
	for _, item := range items {
		ids, highest, ok := scanIDs(item)
		switch {
		case ok:
			input.ids, input.highest = append(input.ids, ids), max(input.highest, highest)
		case item[0] == '"' && items[0][0] == '"':
			input.ids = append(input.ids, textTokens(unquote(item), vocab))
		default:
			return promptInput{}, promptErrors(raw, items)
		}
	}
	return input, nil
}

// scanIDs reads a JSON array of integers from 0 without any further allocation; false for everything else.
func scanIDs(raw json.RawMessage) (ids []int32, highest int64, ok bool) {
	if len(raw) < 2 || raw[0] != '[' {
		return nil, 0, false
	}
	ids = make([]int32, 0, len(raw)/4)
	n, digits := int64(0), 0
	for _, c := range raw[1:] {
		switch {
		case c >= '0' && c <= '9':
			if digits++; digits > 18 {
				return nil, 0, false
			}
			n = n*10 + int64(c-'0')
		case c == ',' || c == ']':
			if digits > 0 {
				ids = append(ids, clampID(n))
				highest = max(highest, n)
				n, digits = 0, 0
			}
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		default:
			return nil, 0, false
		}
	}
	return ids, highest, true
}

// promptErrors lists what keeps the list from being ids, lists of ids, a text, or texts, in this order.
func promptErrors(raw json.RawMessage, items []json.RawMessage) []fieldError {
	r := &fieldReader{}
	for i, item := range items {
		r.checkID(fmt.Sprintf("body.prompt.%d", i), item)
	}
	for i, item := range items {
		loc := fmt.Sprintf("body.prompt.%d", i)
		inner, isList := listItems(item)
		if !isList {
			r.fail(loc, item, "list_type", "Input should be a valid list")
		}
		for j, id := range inner {
			r.checkID(fmt.Sprintf("%s.%d", loc, j), id)
		}
	}
	r.fail("body.prompt", raw, "string_type", "Input should be a valid string")
	for i, item := range items {
		if item[0] != '"' {
			r.fail(fmt.Sprintf("body.prompt.%d", i), item, "string_type", "Input should be a valid string")
		}
	}
	return r.errs
}

// checkID complains about what is no token id.
func (r *fieldReader) checkID(loc string, raw json.RawMessage) {
	n, kind, msg := toInt(raw)
	if kind != "" {
		r.fail(loc, raw, kind, msg)
		return
	}
	if n < 0 {
		r.errs = append(r.errs, fieldError{
			kind: "greater_than_equal", loc: loc, msg: "Input should be greater than or equal to 0",
			input: inputText(raw), ctx: "{'ge': 0}",
		})
	}
}
