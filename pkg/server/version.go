package server

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Version is a version of a Python package, by PEP 440. The zero value stands for a version that is not known; it is older
// than all others.
type Version struct {
	text    string
	epoch   int
	release []int
	// pre, post and dev order what has the same release: 0.25.0.dev5 < 0.25.0rc1 < 0.25.0 < 0.25.0.post1.
	pre, post, dev order
}

// order is a place before (negative rank) or behind (positive) a release; the zero value is the release itself.
type order struct{ rank, number int }

// versionText is PEP 440, spelt as freely as it allows; the local label is not taken apart.
var versionText = regexp.MustCompile(`(?i)^v?(?:(\d+)!)?(\d+(?:\.\d+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?` +
	`(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?` +
	`(?:[-_.]?(dev)[-_.]?(\d*))?` +
	`(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?$`)

var preRanks = map[string]int{"a": -3, "alpha": -3, "b": -2, "beta": -2, "c": -1, "rc": -1, "pre": -1, "preview": -1}

// ParseVersion reads a version such as 0.32.0, 0.25.0rc1, 0.11.1.dev12+gabc or 0.32.0+cpu.
func ParseVersion(text string) (Version, error) {
	text = strings.TrimSpace(text)
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("version %.100q; allowed one such as 0.32.0 or 0.25.0rc1", text)
	}
	p := versionParser{}
	v := Version{text: text, epoch: p.number(m[1])}
	for part := range strings.SplitSeq(m[2], ".") {
		v.release = append(v.release, p.number(part))
	}
	v.pre = order{preRanks[strings.ToLower(m[3])], p.number(m[4])}
	if m[5] != "" || m[6] != "" {
		v.post = order{1, p.number(m[5] + m[7])}
	}
	if m[8] != "" {
		v.dev = order{-1, p.number(m[9])}
	}
	if v.pre == (order{}) && v.post == (order{}) && v.dev.rank < 0 {
		// A development version of a release comes before its alpha.
		v.pre.rank = -4
	}
	if p.err != nil {
		return Version{}, p.err
	}
	return v, nil
}

// versionParser reads the numbers of a version and keeps the first error.
type versionParser struct{ err error }

func (p *versionParser) number(digits string) int {
	if digits == "" {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("version with the number %.40s, which is too large", digits)
	}
	return n
}

// String is the version as it was given; empty for the zero Version.
func (v Version) String() string { return v.text }

// IsZero tells whether the version is not known.
func (v Version) IsZero() bool { return v.text == "" }

// isRelease is false for development versions and candidates.
func (v Version) isRelease() bool { return v.pre == order{} && v.dev == order{} }

// Compare is negative if v is older than w, positive if it is newer, and 0 if they are the same release. What follows a "+" does
// not count: it tells builds of the same version apart.
func (v Version) Compare(w Version) int {
	if v.IsZero() || w.IsZero() {
		return cmp.Compare(len(v.text), len(w.text))
	}
	return cmp.Or(cmp.Compare(v.epoch, w.epoch), compareReleases(v.release, w.release), v.pre.compare(w.pre),
		v.post.compare(w.post), v.dev.compare(w.dev))
}

func (o order) compare(p order) int {
	return cmp.Or(cmp.Compare(o.rank, p.rank), cmp.Compare(o.number, p.number))
}

// compareReleases takes 0.32 and 0.32.0 for the same.
func compareReleases(a, b []int) int {
	for len(a) < len(b) {
		a = append(slices.Clone(a), 0)
	}
	for len(b) < len(a) {
		b = append(slices.Clone(b), 0)
	}
	return slices.Compare(a, b)
}

// AtLeast tells whether v is the given release or newer. Candidates and development versions of a release are older than it:
// whether they have what it brought is not certain. It is false for the zero Version.
func (v Version) AtLeast(major, minor, patch int) bool {
	release := Version{text: "release", release: []int{major, minor, patch}}
	return !v.IsZero() && v.Compare(release) >= 0
}
