package config

import (
	"fmt"
	"slices"
	"strings"
)

// override is one --set, understood.
type override struct {
	// steps lead from the root to the key; below server.args, server.env and load.ramp the rest of the path is one step.
	steps []string
	value *node
}

// parseOverrides reports the overrides that cannot be understood and gives the others, in order.
func parseOverrides(r *reporter, set []string) []override {
	var config Config
	l := newLayout(schema(&config))
	var out []override
	for _, s := range set {
		path, value, found := strings.Cut(s, "=")
		if !found || path == "" {
			r.report(place{override: true}, "", "no path=value, got %s; allowed such as load.request_rate=8", quote(s))
			continue
		}
		steps, wrong := splitPath(l, path)
		if wrong != "" {
			r.report(place{override: true}, join("", path), "%s", wrong)
			continue
		}
		document, fault := parseDocument([]byte(value))
		if fault != nil {
			r.report(place{override: true}, path, "%s, got %s; allowed a value in YAML, text in quotes if need be", fault.message, quote(value))
			continue
		}
		n := &node{kind: nothing, at: place{override: true}}
		if document != nil {
			n = (&builder{reporter: r, override: true}).build(document, path)
		}
		out = append(out, override{steps, n})
	}
	return out
}

// splitPath gives the steps of a path of the schema, or what is wrong with it.
func splitPath(l layout, path string) (steps []string, wrong string) {
	for _, open := range []string{argsPath, envPath, rampPath} {
		if name, below := strings.CutPrefix(path, open+"."); below {
			return append(strings.Split(open, "."), name), ""
		}
	}
	if l.isKey(path) || l.isSection(path) {
		return strings.Split(path, "."), ""
	}
	section, name, nested := strings.Cut(path, ".")
	if !nested {
		return nil, unknownKey(l, "", l.suggest("", path))
	}
	if l.isSection(section) {
		return nil, unknownKey(l, section, l.suggest(section, name))
	}
	// With the section misspelt, the key below it decides: laod.seed is load.seed.
	if near := nearest(section, l.sections); near != "" && l.isKey(near+"."+name) {
		return nil, fmt.Sprintf("unknown key; did you mean %s.%s?", near, name)
	}
	return nil, unknownKey(l, "", l.suggest("", section))
}

// apply puts the value into the tree. Where the way there is no map, the decoder will report that, and nothing is done.
func (o override) apply(root *node) {
	n := root
	for i, step := range o.steps[:len(o.steps)-1] {
		if n.kind != mapping {
			return
		}
		next := n.find(sameKey(o.steps[:i], step))
		if next < 0 {
			n.pairs = append(n.pairs, pair{&node{kind: text, text: step, at: o.value.at}, &node{kind: mapping, at: o.value.at}})
			next = len(n.pairs) - 1
		}
		n = n.pairs[next].value
	}
	if n.kind != mapping {
		return
	}
	last := len(o.steps) - 1
	p := pair{&node{kind: text, text: o.steps[last], at: o.value.at}, o.value}
	if i := n.find(sameKey(o.steps[:last], o.steps[last])); i >= 0 {
		n.pairs[i] = p
		return
	}
	n.pairs = append(n.pairs, p)
}

// sameKey compares keys below a path; flags compare as vLLM compares them.
func sameKey(above []string, name string) func(string) bool {
	if slices.Equal(above, strings.Split(argsPath, ".")) {
		return func(key string) bool { return canonicalFlag(key) == canonicalFlag(name) }
	}
	return func(key string) bool { return key == name }
}
