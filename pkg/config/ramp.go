package config

import (
	"math"
	"slices"
	"strconv"
)

// ramp is a map of a rate's start, end and time between; an empty one is none.
func ramp(dst **Ramp) rule {
	const allowed = "a map such as {from: 2, to: 20, duration: 60s}, or {} for none"
	return rule{allowed, func(d *decoder, path string, n *node) string {
		if n.kind != mapping {
			return wrongType
		}
		*dst = nil
		if len(n.pairs) == 0 {
			return ""
		}
		var r Ramp
		d.members(path, n, []key{
			{"from", zeroOr(&r.From, finite(&r.From))},
			{"to", finite(&r.To)},
			{"duration", duration(&r.Duration)},
		})
		*dst = &r
		return ""
	}}
}

// members decodes a map that has all of some keys and no other. The paths of the keys are their names.
func (d *decoder) members(path string, n *node, keys []key) {
	l := newLayout(keys)
	missing := slices.Clone(l.paths)
	settle := func(name string) {
		missing = slices.DeleteFunc(missing, func(other string) bool { return other == name })
	}
	for _, p := range n.pairs {
		name := p.key.text
		i := slices.Index(l.paths, name)
		if i < 0 {
			meant := l.suggest("", name)
			settle(meant)
			d.report(p.key.at, join(path, name), "%s", unknownKey(l, "", meant))
			continue
		}
		settle(name)
		if p.value.kind == nothing {
			d.report(p.value.at, join(path, name), "no value; allowed %s", keys[i].allowed)
			continue
		}
		d.value(key{join(path, name), keys[i].rule}, p.value)
	}
	for _, name := range missing {
		d.report(n.at, join(path, name), "missing; allowed %s", keys[slices.Index(l.paths, name)].allowed)
	}
}

// finite is a number above 0, and not without end.
func finite(dst *float64) rule {
	r := positive(dst)
	set := r.set
	r.set = func(d *decoder, path string, n *node) string {
		before := *dst
		wrong := set(d, path, n)
		if wrong == "" && math.IsInf(*dst, 1) {
			*dst = before
			return outOfRange
		}
		return wrong
	}
	return r
}

// zeroOr allows 0 besides the numbers that another rule allows.
func zeroOr(dst *float64, other rule) rule {
	return rule{other.allowed + ", or 0", func(d *decoder, path string, n *node) string {
		if v, err := strconv.ParseFloat(n.text, 64); n.kind != text && fraction.MatchString(n.text) && err == nil && v == 0 {
			*dst = 0
			return ""
		}
		return other.set(d, path, n)
	}}
}
