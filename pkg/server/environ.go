package server

import (
	"maps"
	"slices"
	"strings"
)

// Environ merges base (NAME=value, as os.Environ gives it) with the pairs of add and returns the environment sorted by name.
// The last value of a name wins. PYTHONUNBUFFERED is set to 1 unless either names it, so that the log is complete when the
// server dies. Entries of base without a name or without "=" are left out.
func Environ(base []string, add [][2]string) []string {
	values := map[string]string{"PYTHONUNBUFFERED": "1"}
	for _, entry := range base {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			values[name] = value
		}
	}
	for _, pair := range add {
		values[pair[0]] = pair[1]
	}
	env := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, name+"="+values[name])
	}
	return env
}

// lookup returns the last value of name in env, or "".
func lookup(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
