package config

import (
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// kind is what a value of a recipe is.
type kind int

const (
	faulty kind = iota // already reported; nothing more is said about it
	nothing
	text
	integer
	number // with a fraction, an exponent, or infinite or not a number
	boolean
	list
	mapping
)

// node is a value with its place. Unlike a yaml.Node it has no aliases, tags or duplicate keys.
type node struct {
	kind kind
	// text is a scalar as the recipe writes it: 0.90 stays 0.90.
	text string
	// plain is true for a scalar without quotes.
	plain bool
	items []*node
	pairs []pair
	at    place
}

type pair struct {
	key, value *node
}

// find gives the index of a key, -1 when it is not there.
func (n *node) find(same func(key string) bool) int {
	for i, p := range n.pairs {
		if same(p.key.text) {
			return i
		}
	}
	return -1
}

// maxValues bounds what aliases of aliases can blow a small recipe up to.
const maxValues = 100_000

// builder makes nodes of yaml.Nodes and reports what no recipe may have anywhere.
type builder struct {
	*reporter
	override bool
	values   int
	// inside are the anchored values that are being built, to find one that contains itself.
	inside map[*yaml.Node]bool
}

// parseRecipe gives the root of a recipe file, nil (and a report) when there is no map to look at.
func parseRecipe(r *reporter, source []byte) *node {
	document, fault := parseDocument(source)
	if fault != nil {
		r.report(place{line: fault.line, col: fault.col}, "", "%s", fault.message)
		return nil
	}
	if document == nil || document.ShortTag() == "!!null" {
		r.report(place{line: 1, col: 1}, "", "the recipe is empty; allowed a map with at least server.model")
		return nil
	}
	b := &builder{reporter: r}
	root := b.build(document, "")
	if root.kind == faulty || b.values > maxValues {
		return nil
	}
	if root.kind != mapping {
		r.report(root.at, "", "the recipe must be a map of keys, got %s", describe(root))
		return nil
	}
	return root
}

func (b *builder) place(n *yaml.Node) place {
	return place{override: b.override, line: n.Line, col: n.Column}
}

func (b *builder) build(n *yaml.Node, path string) *node {
	out := &node{at: b.place(n)}
	b.values++
	if b.values > maxValues {
		if b.values == maxValues+1 {
			b.report(out.at, path, "more than %d values, aliases counted at each use", maxValues)
		}
		return out
	}
	if n.Kind == yaml.AliasNode {
		return b.alias(n, path)
	}
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != naturalTag(n.Kind) {
		b.report(out.at, path, "a tag, got %s; allowed no tag (quotes make a value text)", n.Tag)
		return out
	}
	switch n.Kind {
	case yaml.ScalarNode:
		b.scalar(out, n)
	case yaml.SequenceNode:
		out.kind = list
		for i, item := range n.Content {
			out.items = append(out.items, b.build(item, fmt.Sprintf("%s[%d]", path, i)))
		}
	case yaml.MappingNode:
		out.kind = mapping
		b.mapping(out, n, path)
	}
	return out
}

func naturalTag(k yaml.Kind) string {
	switch k {
	case yaml.SequenceNode:
		return "!!seq"
	case yaml.MappingNode:
		return "!!map"
	}
	return "!!str"
}

// alias builds the anchored value anew; the value itself gets the place of the alias, as that is where it is wrong.
func (b *builder) alias(n *yaml.Node, path string) *node {
	if b.inside[n.Alias] {
		b.report(b.place(n), path, "an alias inside its own anchor, got *%s", n.Value)
		return &node{at: b.place(n)}
	}
	if b.inside == nil {
		b.inside = map[*yaml.Node]bool{}
	}
	b.inside[n.Alias] = true
	out := b.build(n.Alias, path)
	delete(b.inside, n.Alias)
	out.at = b.place(n)
	return out
}

func (b *builder) scalar(out *node, n *yaml.Node) {
	out.text = n.Value
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	out.plain = n.Style&(quoted|yaml.TaggedStyle) == 0
	switch n.ShortTag() {
	case "!!null":
		out.kind = nothing
	case "!!bool":
		out.kind = boolean
	case "!!int":
		out.kind = integer
	case "!!float":
		out.kind = number
	default: // a date without quotes is text too: no key of a recipe is a date
		out.kind = text
	}
}

func (b *builder) mapping(out *node, n *yaml.Node, path string) {
	seen := map[string]place{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := b.key(n.Content[i], path)
		if !ok {
			continue
		}
		keyPath := join(path, key.text)
		if first, dup := seen[key.text]; dup {
			b.report(key.at, keyPath, "a duplicate key%s; allowed once", alsoAt(first))
			continue
		}
		seen[key.text] = key.at
		out.pairs = append(out.pairs, pair{key, b.build(n.Content[i+1], keyPath)})
	}
}

func (b *builder) key(n *yaml.Node, path string) (*node, bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!merge" {
		b.report(b.place(n), path, "merge keys (<<) are not supported; allowed an alias as a whole value, or the keys written out")
		return nil, false
	}
	key := b.build(n, path)
	if key.kind == faulty {
		return nil, false
	}
	if key.kind == list || key.kind == mapping || key.kind == nothing {
		b.report(key.at, path, "a key must be text, got %s", describe(key))
		return nil, false
	}
	return key, true
}

// alsoAt names the first of two keys, where it has a line.
func alsoAt(at place) string {
	if at.override {
		return ""
	}
	return fmt.Sprintf(", first on line %d", at.line)
}

var simpleKey = regexp.MustCompile(`^[A-Za-z0-9_./+-]{1,80}$`)

// join is the path of a key, the key in quotes where it could be misread.
func join(path, key string) string {
	if !simpleKey.MatchString(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// describe is a value as a message shows it.
func describe(n *node) string {
	switch n.kind {
	case nothing:
		return "nothing"
	case text:
		return "the text " + quote(n.text)
	case list:
		return "a list"
	case mapping:
		return "a map"
	}
	return n.text
}

// quote shows text on one line, cut where it is long.
func quote(s string) string {
	const longest = 60
	if utf8.RuneCountInString(s) > longest {
		return strconv.Quote(string([]rune(s)[:longest])) + "…"
	}
	return strconv.Quote(s)
}
