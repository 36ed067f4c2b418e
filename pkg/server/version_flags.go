package server

import (
	"fmt"
	"strings"
)

// FlagFinding is a flag that the installed vLLM is known not to take. The server would end with exit status 2 soon after its
// start.
type FlagFinding struct {
	// Flag is the flag as the recipe spells it, without dashes in front.
	Flag string
	// Removed tells what Since is: the first version without the flag, or else the first with it.
	Removed bool
	Since   Version
	// Successor is what takes the place of a removed flag, with its dashes; empty where there is none, and the flag can be
	// left out.
	Successor string
	// Sentence says all of this, and what to do. It has no full stop.
	Sentence string
}

// FlagFindings finds the flags in a launch that the installed vLLM no longer takes, or does not take yet, in the launch's order,
// each once. Nothing is found for a version that is not known, nor for a flag of no known history, which may well be wrong.
// A candidate or development version gets the benefit of the doubt, as it may have what the next release brings.
func FlagFindings(v Installed, l Launch) []FlagFinding {
	if v.Version.IsZero() {
		return nil
	}
	var found []FlagFinding
	seen := map[string]bool{}
	for name, on := range l.named {
		flag := dashed(name)
		if seen[flag] || !on {
			continue
		}
		seen[flag] = true
		change, known := flagChangeOf(flag)
		if !known {
			continue
		}
		f := FlagFinding{Flag: name, Successor: change.successor}
		switch {
		case change.removed != "" && v.Version.Compare(released(change.removed)) >= 0:
			f.Removed, f.Since = true, released(change.removed)
			f.Sentence = fmt.Sprintf("%s does not take --%s: %s", v, flag, change.removal())
		case change.added != "" && v.Version.Compare(released(change.added)) < 0 && v.Version.isRelease():
			f.Since, f.Successor = released(change.added), ""
			f.Sentence = fmt.Sprintf("%s does not take --%s: %s", v, flag, change.addition())
		default:
			continue
		}
		found = append(found, f)
	}
	return found
}

// flagChange is the history of a flag, or of all flags that begin with name where these are a family.
type flagChange struct {
	name   string
	family bool
	// added is the first release with the flag, removed the first without it; empty where there is none.
	added, removed string
	// successor is what takes its place; none, and it can be left out.
	successor string
	// because says why it was removed, before what to do with versions older than added; both may be empty.
	because, before string
}

// flagChangeOf looks a flag up, which is spelt with dashes: itself, else the flag that it negates, else its family.
func flagChangeOf(flag string) (c flagChange, known bool) {
	flag, _, _ = strings.Cut(flag, ".")
	positive := strings.TrimPrefix(flag, "no-")
	for _, name := range []string{flag, positive} {
		for _, c := range flagChanges {
			if !c.family && c.name == name {
				return c, true
			}
		}
	}
	for _, c := range flagChanges {
		if c.family && strings.HasPrefix(positive, c.name) {
			return c, true
		}
	}
	return flagChange{}, false
}

// history is what there is to tell of the flag to those whose version is not known.
func (c flagChange) history() string {
	if c.removed != "" {
		return c.removal()
	}
	return c.addition()
}

func (c flagChange) removal() string {
	text := "removed in vLLM " + shortVersion(c.removed)
	if c.because != "" {
		text += ", " + c.because
	}
	if c.successor != "" {
		return text + "; use " + c.successor
	}
	return text + ": leave it out"
}

func (c flagChange) addition() string {
	text := fmt.Sprintf("needs vLLM %s or newer", shortVersion(c.added))
	if c.before != "" {
		text += "; " + c.before
	}
	return text
}

// shortVersion leaves out a last ".0".
func shortVersion(release string) string { return strings.TrimSuffix(release, ".0") }

// released is a version from the table; a test parses all of them.
func released(text string) Version {
	v, _ := ParseVersion(text)
	return v
}
