package client

import (
	"encoding/json"
	"strconv"
)

// The members of a chunk that have a meaning here. A repeated one goes to the slow path, whose last-one-wins rules are
// its own.
const (
	seenObject = 1 << iota
	seenChoices
	seenUsage
	seenMetrics
	seenError
	seenFinish
	seenStop
	seenPrompt
	seenCompletion
	seenDetails
	seenCached
)

// fastDecoder is one pass of decodeFast.
type fastDecoder struct {
	b    []byte
	out  chunk
	seen int
}

// decodeFast decodes an ordinary content or usage chunk in one scan without allocating. It checks the whole text against
// the JSON grammar and answers false, leaving the decision to decodeSlow, as soon as it meets anything uncommon: errors,
// several choices, unusual spelling of keys, repeated keys, numbers that are no plain integers, deep nesting. Where it
// answers true, decodeSlow would have given the same chunk.
func decodeFast(b []byte) (chunk, bool) {
	d := fastDecoder{b: b}
	end := object(b, skipSpace(b, 0), d.top)
	if end < 0 || skipSpace(b, end) != len(b) {
		return chunk{}, false
	}
	return d.out, true
}

// once reports whether a member is met for the first time.
func (d *fastDecoder) once(member int) bool {
	first := d.seen&member == 0
	d.seen |= member
	return first
}

func (d *fastDecoder) top(key []byte, i int) int {
	switch string(key) {
	case "object":
		end := lowerString(d.b, i)
		if end < 0 || string(d.b[i:end]) == `"error"` || !d.once(seenObject) {
			return -1
		}
		return end
	case "choices":
		if !d.once(seenChoices) {
			return -1
		}
		return d.choices(i)
	case "usage":
		if !d.once(seenUsage) {
			return -1
		}
		if end := skipNull(d.b, i); end >= 0 {
			return end
		}
		d.out.usage.set = true
		return object(d.b, i, d.usage)
	case "metrics":
		if !d.once(seenMetrics) {
			return -1
		}
		return d.raw(&d.out.metrics, i)
	case "error":
		if !d.once(seenError) {
			return -1
		}
		return skipNull(d.b, i)
	}
	return skipValue(d.b, i, 0)
}

// choices decodes null, [] or a list of one object.
func (d *fastDecoder) choices(i int) int {
	if end := skipNull(d.b, i); end >= 0 {
		return end
	}
	if i >= len(d.b) || d.b[i] != '[' {
		return -1
	}
	i = skipSpace(d.b, i+1)
	if i < len(d.b) && d.b[i] == ']' {
		return i + 1
	}
	d.out.tokens = true
	if i = object(d.b, i, d.choice); i < 0 {
		return -1
	}
	if i = skipSpace(d.b, i); i < len(d.b) && d.b[i] == ']' {
		return i + 1
	}
	return -1
}

func (d *fastDecoder) choice(key []byte, i int) int {
	switch string(key) {
	case "finish_reason":
		if !d.once(seenFinish) {
			return -1
		}
		if end := skipNull(d.b, i); end >= 0 {
			return end
		}
		end := lowerString(d.b, i)
		if end >= 0 {
			d.out.finish = knownFinish(d.b[i+1 : end-1])
		}
		return end
	case "stop_reason":
		if !d.once(seenStop) {
			return -1
		}
		return d.raw(&d.out.stop, i)
	}
	return skipValue(d.b, i, 0)
}

// raw keeps the bytes of any value but null.
func (d *fastDecoder) raw(value *json.RawMessage, i int) int {
	end := skipValue(d.b, i, 0)
	if end >= 0 && string(d.b[i:end]) != "null" {
		*value = d.b[i:end:end]
	}
	return end
}

func (d *fastDecoder) usage(key []byte, i int) int {
	switch string(key) {
	case "prompt_tokens":
		return d.count(&d.out.usage.prompt, seenPrompt, i)
	case "completion_tokens":
		return d.count(&d.out.usage.completion, seenCompletion, i)
	case "prompt_tokens_details":
		if !d.once(seenDetails) {
			return -1
		}
		if end := skipNull(d.b, i); end >= 0 {
			return end
		}
		return object(d.b, i, d.details)
	}
	return skipValue(d.b, i, 0)
}

func (d *fastDecoder) details(key []byte, i int) int {
	if string(key) == "cached_tokens" {
		return d.count(&d.out.usage.cached, seenCached, i)
	}
	return skipValue(d.b, i, 0)
}

// count decodes null or a plain integer of at most nine digits, which fits an int everywhere.
func (d *fastDecoder) count(c *count, member, i int) int {
	if !d.once(member) {
		return -1
	}
	if end := skipNull(d.b, i); end >= 0 {
		return end
	}
	end := skipNumber(d.b, i)
	if end < 0 || end-i > 9 {
		return -1
	}
	n, err := strconv.Atoi(string(d.b[i:end]))
	if err != nil {
		return -1
	}
	*c = count{n: n, set: true}
	return end
}

// knownFinish returns the finish reason without allocating for those that servers have.
func knownFinish(value []byte) string {
	switch string(value) {
	case "stop":
		return "stop"
	case "length":
		return "length"
	}
	return string(value)
}
