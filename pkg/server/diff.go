package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LaunchRecord is what one server was started with.
type LaunchRecord struct {
	Argv []string
	// Env is NAME=value; secrets may be masked in both records or in neither.
	Env []string
}

// Diff tells in what the launches a and b differ, one line each, other than the port and the (first) served name, which
// differ by design. Nil means that the same server was measured twice. Secrets are named, never shown.
func Diff(a, b LaunchRecord) []string {
	return append(diffArgv(a.Argv, b.Argv), diffEnv(a.Env, b.Env)...)
}

func diffArgv(a, b []string) []string {
	a, b = withoutOwn(a), withoutOwn(b)
	if slices.Equal(a, b) {
		return nil
	}
	shownA, shownB := MaskArgv(a), MaskArgv(b)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b, shownA, shownB = a[1:], b[1:], shownA[1:], shownB[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return []string{fmt.Sprintf("arguments: %s in the first launch, %s in the second", quoted(shownA[:len(a)]), quoted(shownB[:len(b)]))}
}

// withoutOwn returns argv without the value of the port and the first served name, in both of their spellings.
func withoutOwn(argv []string) []string {
	out := make([]string, 0, len(argv))
	previous := ""
	for _, arg := range argv {
		flag, _, joined := strings.Cut(arg, "=")
		switch {
		case previous == portFlag || previous == servedNameFlag:
			previous = ""
		case joined && (flag == portFlag || flag == servedNameFlag):
			out, previous = append(out, flag), ""
		default:
			out, previous = append(out, arg), arg
		}
	}
	return out
}

func quoted(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%q", args)
}

func diffEnv(a, b []string) []string {
	valuesA, valuesB := byName(a), byName(b)
	names := maps.Clone(valuesA)
	maps.Copy(names, valuesB)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		va, inA := valuesA[name]
		vb, inB := valuesB[name]
		if va != vb || inA != inB {
			out = append(out, fmt.Sprintf("environment %s: %s in the first launch, %s in the second",
				name, shown(name, va, inA), shown(name, vb, inB)))
		}
	}
	return out
}

func shown(name, value string, set bool) string {
	if !set {
		return "not set"
	}
	return fmt.Sprintf("%q", maskValue(name, value))
}

func byName(env []string) map[string]string {
	values := make(map[string]string, len(env))
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	return values
}
