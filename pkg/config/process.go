package config

import (
	"fmt"
	"regexp"
	"strings"
)

// command is a list of texts, as expanded in dst and as written in raw. The first is a program: a name to look up, or, with a
// slash, a path.
func command(dst, raw *[]string) rule {
	r := optionalCommand(dst, raw, "a list of texts such as [vllm, serve]")
	set := r.set
	r.set = func(d *decoder, path string, n *node) string {
		if n.kind == list && len(n.items) == 0 {
			return "empty"
		}
		return set(d, path, n)
	}
	return r
}

// optionalCommand is a command that may be empty.
func optionalCommand(dst, raw *[]string, allowed string) rule {
	return rule{allowed, func(d *decoder, path string, n *node) string {
		if n.kind != list {
			return wrongType
		}
		var words, written []string
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			if item.kind != text {
				if item.kind != faulty {
					d.wrong(item, at, wrongType, "text; quotes make it text")
				}
				continue
			}
			if i == 0 {
				program := d.program(item, at)
				words, written = append(words, program), append(written, escape(program))
				continue
			}
			word, _ := d.expandWord(item, at)
			words, written = append(words, word), append(written, item.text)
		}
		*dst, *raw = words, written
		return ""
	}}
}

func (d *decoder) program(n *node, at string) string {
	if n.text == "" {
		d.wrong(n, at, "empty", "a program")
		return ""
	}
	word, ok := d.expandPath(n, at, n.text)
	switch {
	case !ok:
		return ""
	case strings.Contains(word, "/"):
		return d.absolute(word)
	case strings.HasPrefix(word, "~"):
		d.report(n.at, at, "a program whose name begins with ~ once the variables are expanded; allowed a name, or a path with a slash")
	}
	return word
}

// expandWord is the value of a word or variable that goes to another process, where a NUL character would end it.
func (d *decoder) expandWord(n *node, path string) (string, bool) {
	if strings.Contains(n.text, "\x00") {
		d.report(n.at, path, "a NUL character; allowed text without")
		return "", false
	}
	return d.expandText(n, path, n.text)
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// env is a map of variables. Its messages never show a value, which may be a secret.
func env(dst *[]EnvVar) rule {
	const allowed = "a map of variables, such as CUDA_VISIBLE_DEVICES: 0 ({} for none)"
	return rule{allowed, func(d *decoder, path string, n *node) string {
		if n.kind != mapping {
			return wrongType
		}
		var vars []EnvVar
		for _, p := range n.pairs {
			name, at := p.key.text, join(path, p.key.text)
			if !envName.MatchString(name) {
				d.report(p.key.at, at, "no name for a variable; allowed letters, digits and '_', no digit first")
				continue
			}
			switch p.value.kind {
			case faulty:
				continue
			case nothing:
				d.report(p.value.at, at, `no value; allowed text, or "" for an empty variable`)
				continue
			case list, mapping:
				d.wrong(p.value, at, wrongType, "text or a number")
				continue
			}
			value, _ := d.expandWord(p.value, at)
			vars = append(vars, EnvVar{Name: name, Value: value, Raw: p.value.text})
		}
		*dst = vars
		return ""
	}}
}
