package config

import (
	"fmt"
	"regexp"
	"strings"
)

// ownKeys are the flags this program sets itself, and the key of the recipe that decides each.
var ownKeys = map[string]string{
	"model":             "server.model",
	"host":              "server.host",
	"port":              "server.port",
	"served-model-name": "server.served_model_name",
}

var (
	flagName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_+.-]*)?$`)
	// otherTruth is what YAML 1.1 took for true and false and YAML 1.2 takes for text.
	otherTruth = regexp.MustCompile(`^(?i:yes|no|on|off)$`)
)

const flagValue = "true for a bare flag, false to leave it out, text, a number, a list of values, or a map for JSON"

// canonicalFlag is a flag as vLLM compares it: '_' and '-' are the same, but not below the dot of a JSON flag.
func canonicalFlag(name string) string {
	flag, below, dotted := strings.Cut(name, ".")
	flag = strings.ReplaceAll(flag, "_", "-")
	if dotted {
		return flag + "." + below
	}
	return flag
}

// args is a map of flags in the recipe's order. Values are passed as written: nothing is expanded in them.
func args(dst *[]Arg) rule {
	const allowed = "a map of vLLM flags, such as max-model-len: 2048 ({} for none)"
	return rule{allowed, func(d *decoder, path string, n *node) string {
		if n.kind != mapping {
			return wrongType
		}
		var out []Arg
		seen := map[string]string{}
		for _, p := range n.pairs {
			at := join(path, p.key.text)
			if wrong := checkFlagName(p.key.text, seen); wrong != "" {
				d.report(p.key.at, at, "%s", wrong)
				continue
			}
			seen[canonicalFlag(p.key.text)] = p.key.text
			arg := Arg{Name: p.key.text}
			d.flagValues(&arg, at, p.value)
			out = append(out, arg)
		}
		*dst = out
		return ""
	}}
}

func checkFlagName(name string, seen map[string]string) (wrong string) {
	flag := canonicalFlag(name)
	if strings.HasPrefix(name, "-") {
		return fmt.Sprintf("a flag with its dashes; allowed without them, %s", strings.TrimLeft(name, "-"))
	}
	if !flagName.MatchString(name) {
		return "no name for a flag; allowed letters, digits, '-', '_' and '.', a letter first"
	}
	if own, ok := ownKeys[flag]; ok {
		return fmt.Sprintf("this program sets the flag itself; allowed in its place %s", own)
	}
	if first, dup := seen[flag]; dup {
		return fmt.Sprintf("the same flag as %s; allowed once", first)
	}
	return ""
}

func (d *decoder) flagValues(arg *Arg, path string, n *node) {
	switch n.kind {
	case faulty:
	case nothing:
		d.report(n.at, path, "no value; allowed %s", flagValue)
	case boolean:
		arg.Off = !isTrue(n)
	case list:
		if len(n.items) == 0 {
			d.report(n.at, path, "an empty list; allowed one value or more, or true for a bare flag")
		}
		for i, item := range n.items {
			arg.Values = append(arg.Values, d.flagText(fmt.Sprintf("%s[%d]", path, i), item))
		}
	default:
		arg.Values = []string{d.flagText(path, n)}
	}
}

// flagText is one value as the command line has it.
func (d *decoder) flagText(path string, n *node) string {
	switch n.kind {
	case faulty:
		return ""
	case nothing:
		d.report(n.at, path, `no value; allowed text, a number, or a map for JSON ("" for empty text)`)
		return ""
	case list, mapping:
		return string(d.appendJSON(nil, path, n))
	}
	d.checkWord(path, n)
	return n.text
}

// checkWord refuses what a reader of YAML and a reader of the command line would take for different things.
func (d *decoder) checkWord(path string, n *node) {
	if n.plain && n.kind == text && otherTruth.MatchString(n.text) {
		d.report(n.at, path, "a word that is no truth value in YAML 1.2, got %s; allowed true or false, or quotes for the text", n.text)
	}
	if strings.Contains(n.text, "\x00") {
		d.report(n.at, path, "a NUL character; allowed text without")
	}
}
