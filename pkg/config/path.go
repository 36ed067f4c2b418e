package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// hubName is the form of a Hugging Face name: a model, or an owner and a model.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// requiredPath is a path, stored absolute.
func requiredPath(dst *string, allowed string) rule {
	return pathRule(dst, allowed, (*decoder).absolute, false)
}

// optionalPath is a path or empty text.
func optionalPath(dst *string, allowed string) rule {
	return pathRule(dst, allowed, (*decoder).absolute, true)
}

// modelOrPath is a path, stored absolute, or a Hugging Face name, stored as it is.
func modelOrPath(dst *string, allowed string) rule {
	return pathRule(dst, allowed, (*decoder).modelOrFolder, false)
}

// optionalModelOrPath is modelOrPath or empty text.
func optionalModelOrPath(dst *string, allowed string) rule {
	return pathRule(dst, allowed, (*decoder).modelOrFolder, true)
}

func pathRule(dst *string, allowed string, resolve func(*decoder, string) string, optional bool) rule {
	return rule{allowed, func(d *decoder, path string, n *node) string {
		if n.kind != text {
			return wrongType
		}
		if n.text == "" {
			if optional {
				*dst = ""
				return ""
			}
			return "empty"
		}
		expanded, ok := d.expandPath(n, path, n.text)
		if ok {
			*dst = resolve(d, expanded)
		}
		return ""
	}}
}

// expandPath expands variables and a leading ~ and reports what does not work.
func (d *decoder) expandPath(n *node, path, s string) (out string, ok bool) {
	if strings.Contains(s, "\x00") {
		d.report(n.at, path, "a path with a NUL character, got %s; allowed text without", quote(s))
		return "", false
	}
	out, ok = d.expandText(n, path, s)
	if !ok {
		return "", false
	}
	if out == "" {
		d.report(n.at, path, "empty once the variables are expanded, got %s; allowed a path", quote(s))
		return "", false
	}
	if !strings.HasPrefix(s, "~") {
		return out, true
	}
	below := out[1:]
	switch {
	case below != "" && below[0] != '/':
		d.report(n.at, path, "another user's home is not looked up, got %s; allowed ~/…, or the path in full", quote(s))
	case d.home == "":
		d.report(n.at, path, "~ stands for nothing, as there is no home folder, got %s; allowed the path in full", quote(s))
	default:
		return filepath.Join(d.home, below), true
	}
	return "", false
}

// absolute is a path seen from the recipe file.
func (d *decoder) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.base, path)
}

// modelOrFolder keeps a Hugging Face name unless a folder of that name stands beside the recipe; all else is a path.
func (d *decoder) modelOrFolder(s string) string {
	beside := d.absolute(s)
	if !hubName.MatchString(s) {
		return beside
	}
	if info, err := os.Stat(beside); err == nil && info.IsDir() {
		return beside
	}
	return s
}
