package config

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is wrong with a value, in the words that all rules share.
const (
	wrongType  = "wrong type"
	outOfRange = "out of range"
	notDecimal = "not a plain decimal number"
)

// The texts that a recipe restricts. A run's name becomes a folder; a served name must not look like a flag.
const (
	namePattern       = `^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`
	servedNamePattern = `^([^\s\x00-]\S*)?$`
	hostPattern       = `^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`
)

// pattern is text that matches a pattern; an IPv6 address does as well where a host does.
func pattern(dst *string, expression, allowed string) rule {
	matcher := regexp.MustCompile(expression)
	return rule{allowed, func(_ *decoder, _ string, n *node) string {
		if n.kind != text {
			return wrongType
		}
		_, notIP := netip.ParseAddr(n.text)
		isAddress := expression == hostPattern && notIP == nil
		if !isAddress && (!matcher.MatchString(n.text) || strings.Contains(n.text, "\x00")) {
			return "not of the allowed form"
		}
		*dst = n.text
		return ""
	}}
}

// wordOr allows one word besides what another rule allows.
func wordOr(word string, store func(), other rule) rule {
	return rule{word + ", or " + other.allowed, func(d *decoder, path string, n *node) string {
		if n.kind == text && n.text == word {
			store()
			return ""
		}
		return other.set(d, path, n)
	}}
}

var (
	decimal  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	fraction = regexp.MustCompile(`^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
)

// whole is a whole number from low to high, in decimal: YAML's 010, 0x10 and 1_000 mean different numbers to different
// readers.
func whole[T int | int64](dst *T, low, high int64) rule {
	allowed := fmt.Sprintf("a whole number from %d to %d", low, high)
	if low == math.MinInt64 {
		allowed = "a whole number of 64 bits"
	}
	return rule{allowed, func(_ *decoder, _ string, n *node) string {
		value, wrong := parseWhole(n, low, high)
		if wrong == "" {
			*dst = T(value)
		}
		return wrong
	}}
}

func parseWhole(n *node, low, high int64) (value int64, wrong string) {
	if n.kind != integer && n.kind != number {
		return 0, wrongType
	}
	if !decimal.MatchString(n.text) {
		if n.kind == number {
			return 0, "not a whole number"
		}
		return 0, notDecimal
	}
	value, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil || value < low || value > high {
		return 0, outOfRange
	}
	return value, ""
}

// positive is a number above 0. YAML's own infinity (.inf) is the word inf.
func positive(dst *float64) rule {
	return rule{"a number above 0", func(_ *decoder, _ string, n *node) string {
		if n.kind != integer && n.kind != number {
			return wrongType
		}
		switch strings.ToLower(n.text) {
		case ".inf", "+.inf":
			*dst = math.Inf(1)
			return ""
		case "-.inf":
			return outOfRange
		case ".nan":
			return "not a number"
		}
		if !fraction.MatchString(n.text) {
			return notDecimal
		}
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || value <= 0 {
			return outOfRange
		}
		*dst = value
		return ""
	}}
}

// share is a part of something, 0.01 for 1 %.
func share(dst *float64) rule {
	return rule{"a number above 0, such as 0.01 for 1 %", finite(dst).set}
}

// oneOf is one of a few words.
func oneOf(dst *string, words ...string) rule {
	return rule{strings.Join(words, ", "), func(_ *decoder, _ string, n *node) string {
		if n.kind != text {
			return wrongType
		}
		if !slices.Contains(words, n.text) {
			return "unknown value"
		}
		*dst = n.text
		return ""
	}}
}

// duration is text with units. A bare number is refused: 30 could be seconds or minutes.
func duration(dst *time.Duration) rule {
	return rule{"a duration above 0 such as 90s, 30m or 1h30m", func(_ *decoder, _ string, n *node) string {
		switch n.kind {
		case integer, number:
			return "a unit is missing"
		case text:
		default:
			return wrongType
		}
		value, err := time.ParseDuration(n.text)
		if err != nil {
			return "not a duration"
		}
		if value <= 0 {
			return outOfRange
		}
		*dst = value
		return ""
	}}
}

// offOr is a duration, or 0 for none.
func offOr(dst *time.Duration) rule {
	r := duration(dst)
	return rule{r.allowed + ", or 0 for none", func(d *decoder, path string, n *node) string {
		if n.kind == integer && n.text == "0" {
			*dst = 0
			return ""
		}
		return r.set(d, path, n)
	}}
}

// truth is true or false. yes, no, on and off are text in YAML 1.2.
func truth(dst **bool) rule {
	return rule{"true or false", func(_ *decoder, _ string, n *node) string {
		if n.kind != boolean {
			return wrongType
		}
		value := isTrue(n)
		*dst = &value
		return ""
	}}
}

func isTrue(n *node) bool { return strings.EqualFold(n.text, "true") }

// ids is a list of token ids; an empty list stays one, as it means something else than the default.
func ids(dst *[]int) rule {
	return rule{"a list of token ids", func(d *decoder, path string, n *node) string {
		if n.kind != list {
			return wrongType
		}
		out := []int{}
		for i, item := range n.items {
			if item.kind == faulty {
				continue
			}
			value, wrong := parseWhole(item, 0, maxCount)
			if wrong != "" {
				d.wrong(item, fmt.Sprintf("%s[%d]", path, i), wrong, fmt.Sprintf("a token id from 0 to %d", maxCount))
			}
			out = append(out, int(value))
		}
		*dst = out
		return ""
	}}
}
