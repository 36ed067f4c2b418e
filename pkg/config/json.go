package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// appendJSON writes a value as JSON: keys in the recipe's order, numbers as the recipe writes them. What JSON cannot say
// is reported.
func (d *decoder) appendJSON(b []byte, path string, n *node) []byte {
	switch n.kind {
	case faulty, nothing:
		return append(b, "null"...)
	case boolean:
		return fmt.Append(b, isTrue(n))
	case list:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = d.appendJSON(b, fmt.Sprintf("%s[%d]", path, i), item)
		}
		return append(b, ']')
	case mapping:
		return d.appendObject(b, path, n)
	}
	// A number too large for a float is text to the YAML parser, but JSON can say it.
	if n.plain && jsonNumber.MatchString(n.text) {
		return append(b, n.text...)
	}
	if n.kind != text {
		d.wrong(n, path, "not a number in JSON", "a decimal number such as 16 or 0.5, or quotes for text")
		return b
	}
	d.checkWord(path, n)
	return appendString(b, n.text)
}

func (d *decoder) appendObject(b []byte, path string, n *node) []byte {
	b = append(b, '{')
	for i, p := range n.pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, p.key.text), ':')
		b = d.appendJSON(b, join(path, p.key.text), p.value)
	}
	return append(b, '}')
}

// appendString leaves <, > and & as they are, which json.Marshal does not.
func appendString(b []byte, s string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes, and a buffer always takes it
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
