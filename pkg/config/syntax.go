package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// syntaxFault is why bytes are no YAML document.
type syntaxFault struct {
	line, col int
	message   string
}

// parseDocument gives the root value of the only document in source, nil when there is none.
func parseDocument(source []byte) (root *yaml.Node, fault *syntaxFault) {
	if fault := checkCharacters(source); fault != nil {
		return nil, fault
	}
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	// yaml.v3 panics on a few malformed documents ("please report") instead of returning an error.
	defer func() {
		if p := recover(); p != nil {
			root, fault = nil, &syntaxFault{1, 1, fmt.Sprintf("broken YAML: %v", p)}
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, locate(err, source)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, &syntaxFault{second.Line, second.Column, "a second document begins here; allowed one document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, locate(err, source)
	}
	return first.Content[0], nil
}

// checkCharacters finds what is no YAML text at all, which yaml.v3 would report without a place.
func checkCharacters(source []byte) *syntaxFault {
	line, col := 1, 1
	for rest := source; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return &syntaxFault{line, col, fmt.Sprintf("not UTF-8 text, got the byte 0x%02X", rest[0])}
		}
		if isForbidden(r) {
			return &syntaxFault{line, col, fmt.Sprintf("a control character, got %U; allowed text", r)}
		}
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
		rest = rest[size:]
	}
	return nil
}

func isForbidden(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0x85:
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff:
		return true
	}
	return false
}

// yaml.v3 gives the line in the text of the error only. For what its parser finds, as opposed to its scanner, the number
// counts from 0, and it is the line where the unfinished map or list begins.
var (
	errorLine   = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	parserFault = regexp.MustCompile(`^(did not find expected (key|node content|<|'-'|',')|found (undefined tag|duplicate %|incompatible))`)
	anchorFault = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// locate turns an error of yaml.v3 into a place in source: the line it names, or the use of the unknown anchor it names.
func locate(err error, source []byte) *syntaxFault {
	m := errorLine.FindStringSubmatch(err.Error())
	if m == nil {
		return &syntaxFault{1, 1, "broken YAML: " + err.Error()}
	}
	line, message := 1, m[2]
	if n, err := strconv.Atoi(m[1]); err == nil {
		line = n
		if parserFault.MatchString(message) {
			line++
		}
	}
	lines := strings.Split(string(source), "\n")
	if a := anchorFault.FindStringSubmatch(message); a != nil {
		return locateAlias(lines, a[1])
	}
	line = min(line, len(lines))
	text := lines[line-1]
	col := 1 + len(text) - len(strings.TrimLeft(text, " \t"))
	if parserFault.MatchString(message) {
		return &syntaxFault{line, col, "broken YAML: " + message + " in what begins here"}
	}
	return &syntaxFault{line, col, "broken YAML: " + message}
}

func locateAlias(lines []string, name string) *syntaxFault {
	message := fmt.Sprintf("no anchor of this name stands before it, got *%s; allowed an alias of an &anchor", name)
	use := regexp.MustCompile(`^([^#]*)\*` + regexp.QuoteMeta(name) + `([\s,\]}:]|$)`)
	for i, text := range lines {
		if m := use.FindStringSubmatch(text); m != nil {
			return &syntaxFault{i + 1, utf8.RuneCountInString(m[1]) + 1, message}
		}
	}
	return &syntaxFault{1, 1, message}
}
