package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces ${NAME} by the variable and $$ by a dollar sign. Every fault is one text of faults. No fault shows a part
// of the value, which may be a secret.
func expand(s string, lookup func(string) (string, bool)) (out string, faults []string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			break
		}
		rest = "$" + rest
		m := variable.FindStringSubmatch(rest)
		switch {
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			s = rest[2:]
		case m == nil:
			faults = append(faults, "a dollar sign alone; allowed ${NAME} for a variable, $$ for a dollar sign")
			s = rest[1:]
		default:
			value, fault := resolveVariable(m[1], lookup)
			if fault != "" {
				faults = append(faults, fault)
			}
			b.WriteString(value)
			s = rest[len(m[0]):]
		}
	}
	return b.String(), faults
}

func resolveVariable(name string, lookup func(string) (string, bool)) (value, fault string) {
	value, isSet := lookup(name)
	switch {
	case !isSet:
		return "", fmt.Sprintf("the variable is not set, got ${%s}; allowed a variable of the environment", name)
	case !utf8.ValidString(value) || strings.Contains(value, "\x00"):
		return "", fmt.Sprintf("the variable is not UTF-8 text, got ${%s}; allowed text without NUL characters", name)
	}
	return value, ""
}

// escape is the way back of expand for text without variables.
func escape(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// expandText is expand with the faults reported; ok is false when there were any.
func (d *decoder) expandText(n *node, path, s string) (out string, ok bool) {
	out, faults := expand(s, d.lookup)
	for _, fault := range faults {
		d.report(n.at, path, "%s", fault)
	}
	return out, len(faults) == 0
}
