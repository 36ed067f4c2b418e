package config

import (
	"fmt"
	"strings"
)

// decoder overwrites the defaults with what a recipe says.
type decoder struct {
	*reporter
	config *Config
	keys   map[string]key
	layout layout
	// base is where relative paths start, home is what ~ stands for, lookup gives ${VAR}.
	base, home string
	lookup     func(string) (string, bool)
	// at has the place of every key met, values the place of its value; "" is the root.
	at, values map[string]place
	// meant are keys that a misspelt one was taken for: they do not count as missing.
	meant map[string]bool
	// broken are keys whose value was refused: rules about several keys leave them alone.
	broken map[string]bool
}

func newDecoder(r *reporter, base string, o Options) *decoder {
	config := Default()
	d := &decoder{
		reporter: r,
		config:   &config,
		keys:     map[string]key{},
		base:     base,
		home:     o.Home,
		lookup:   o.LookupEnv,
		at:       map[string]place{},
		values:   map[string]place{},
		meant:    map[string]bool{},
		broken:   map[string]bool{},
	}
	if d.lookup == nil {
		d.lookup = func(string) (string, bool) { return "", false }
	}
	keys := schema(&config)
	d.layout = newLayout(keys)
	for _, k := range keys {
		d.keys[k.path] = k
	}
	return d
}

// decode fills config from the root of a recipe and then looks at the keys together.
func (d *decoder) decode(root *node) {
	d.at[""] = root.at
	d.section("", root)
	d.finish()
	d.check()
}

// section decodes the keys below a section, "" for the root.
func (d *decoder) section(section string, n *node) {
	for _, p := range n.pairs {
		path := join(section, p.key.text)
		k, isKey := d.keys[path]
		switch {
		case strings.Contains(p.key.text, "."):
			d.dotted(section, p.key)
		case isKey:
			d.at[path], d.values[path] = p.key.at, p.value.at
			d.value(k, p.value)
		case d.layout.isSection(path):
			d.at[path] = p.key.at
			d.subsection(path, p.value)
		default:
			d.unknown(section, p.key)
		}
	}
}

func (d *decoder) subsection(path string, n *node) {
	switch n.kind {
	case mapping:
		d.section(path, n)
		return
	case nothing:
		d.report(n.at, path, "no value; allowed a map of %s, or leave the key out", strings.Join(d.layout.children(path), ", "))
	case faulty:
	default:
		d.wrong(n, path, wrongType, "a map of "+strings.Join(d.layout.children(path), ", "))
	}
	for child := range d.keys {
		if strings.HasPrefix(child, path+".") {
			d.broken[child] = true
		}
	}
}

func (d *decoder) value(k key, n *node) {
	before := len(d.problems)
	switch n.kind {
	case faulty:
		d.broken[k.path] = true
		return
	case nothing:
		d.report(n.at, k.path, "no value; allowed %s, or leave the key out", k.allowed)
	default:
		if wrong := k.set(d, k.path, n); wrong != "" {
			d.wrong(n, k.path, wrong, k.allowed)
		}
	}
	if len(d.problems) > before {
		d.broken[k.path] = true
	}
}

// wrong reports a value in the form every rule uses.
func (d *decoder) wrong(n *node, path, what, allowed string) {
	d.report(n.at, path, "%s, got %s; allowed %s", what, describe(n), allowed)
}

// dotted refuses a path as a key: it looks like a key of the schema and is none.
func (d *decoder) dotted(section string, key *node) {
	path := join(section, key.text)
	if !d.layout.isKey(path) {
		d.unknown(section, key)
		return
	}
	d.meant[path] = true
	above, name, _ := strings.Cut(path, ".")
	d.report(key.at, path, "unknown key: only --set takes a path; allowed %s below %s", name, above)
}

func (d *decoder) unknown(section string, key *node) {
	meant := d.layout.suggest(section, key.text)
	d.meant[meant] = true
	d.report(key.at, join(section, key.text), "%s", unknownKey(d.layout, section, meant))
}

// unknownKey is the message about an unknown key of a section, which was probably meant to be the path meant.
func unknownKey(l layout, section, meant string) string {
	if meant == "" {
		return "unknown key; allowed " + strings.Join(l.children(section), ", ")
	}
	if below, ok := strings.CutPrefix(meant, section+"."); ok {
		meant = below
	}
	return fmt.Sprintf("unknown key; did you mean %s?", meant)
}
