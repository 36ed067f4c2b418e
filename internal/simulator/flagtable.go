package simulator

import (
	_ "embed"
	"slices"
	"strings"
)

// vllmFlags lists what the parser of vLLM 0.32.0 accepts, a flag a line: names, number of values (0, 1, ?, +), kind, the name
// of the Python converter (which its error texts mention) and the allowed values.
//
//go:embed flags.txt
var vllmFlags string

// vllmUsage is the usage text that vLLM 0.32.0 prints before an argument error.
//
//go:embed usage.txt
var vllmUsage string

// flagKind says what the values of a flag must look like.
type flagKind string

const (
	kindString    flagKind = "str"
	kindInt       flagKind = "int"
	kindFloat     flagKind = "float"
	kindHuman     flagKind = "human"     // an integer that may end in k, m, g, t or K, M, G, T
	kindHumanAuto flagKind = "humanauto" // the same, or auto
	kindJSON      flagKind = "json"
	kindBool      flagKind = "bool" // --x and --no-x, no value
	kindTrue      flagKind = "true" // --x, no value
	kindAppend    flagKind = "append"
	kindHelp      flagKind = "help"
	kindDuration  flagKind = "duration" // Go's syntax, our own flags only
)

// flagSpec is one accepted flag or positional argument.
type flagSpec struct {
	// names holds every spelling; for kindBool the ones that begin with --no- mean false.
	names []string
	// arity is the number of values: "0", "1", "?" (at most one) or "+" (one or more).
	arity     string
	kind      flagKind
	converter string
	choices   []string
}

// key is the name under which the values of the flag are stored: the first long spelling.
func (f *flagSpec) key() string {
	for _, name := range f.names {
		if strings.HasPrefix(name, "--") {
			return name
		}
	}
	return f.names[0]
}

// title names the flag in an error as argparse does.
func (f *flagSpec) title() string { return strings.Join(f.names, "/") }

func (f *flagSpec) positional() bool { return !strings.HasPrefix(f.names[0], "-") }

// simFlags are the flags of the simulator itself.
func simFlags() []flagSpec {
	one := func(name string, kind flagKind) flagSpec {
		return flagSpec{names: []string{name}, arity: "1", kind: kind, converter: string(kind)}
	}
	return []flagSpec{
		one("--sim-startup", kindDuration),
		one("--sim-step", kindDuration),
		one("--sim-prefill-per-token", kindDuration),
		one("--sim-decode-per-seq", kindDuration),
		one("--sim-output-len", kindString),
		one("--sim-vocab-size", kindInt),
		one("--sim-truth", kindString),
		{names: []string{"--sim-truth-tokens"}, arity: "0", kind: kindTrue},
		{names: []string{"--sim-fault"}, arity: "+", kind: kindAppend, converter: string(kindAppend)},
		one("--sim-state", kindString),
		{names: []string{"--sim-tree"}, arity: "0", kind: kindTrue},
		{names: []string{"--sim-wipe-environ"}, arity: "0", kind: kindTrue},
		one("--sim-death-delay", kindDuration),
		{names: []string{"--sim-reuseport"}, arity: "0", kind: kindTrue},
		one("--sim-hold", kindString),
		one("--sim-ready-file", kindString),
		one("--sim-version", kindString),
		one("--sim-cache", kindString),
		one("--sim-metronome", kindDuration),
		one("--sim-metronome-ttft", kindDuration),
		one("--sim-metronome-truth", kindString),
		{names: []string{"--sim-refuse"}, arity: "+", kind: kindAppend, converter: string(kindAppend)},
		{names: []string{"--sim-when"}, arity: "+", kind: kindAppend, converter: string(kindAppend)},
	}
}

// flagTable is the set of accepted flags, in the order of vLLM's parser.
type flagTable struct {
	specs   []flagSpec
	byName  map[string]*flagSpec
	longest []string // every spelling, in order, for prefix matches
}

func newFlagTable() *flagTable {
	t := &flagTable{}
	for line := range strings.Lines(vllmFlags) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		spec := flagSpec{names: strings.Split(fields[0], ","), arity: fields[1], kind: flagKind(fields[2]), converter: fields[3]}
		if fields[4] != "-" {
			spec.choices = strings.Split(fields[4], "|")
		}
		t.specs = append(t.specs, spec)
	}
	t.specs = append(t.specs, simFlags()...)
	t.index()
	return t
}

// index makes the specs findable by their names.
func (t *flagTable) index() {
	t.byName = map[string]*flagSpec{}
	for i := range t.specs {
		for _, name := range t.specs[i].names {
			t.byName[name] = &t.specs[i]
			t.longest = append(t.longest, name)
		}
	}
}

// positionals returns the positional arguments in order.
func (t *flagTable) positionals() []*flagSpec {
	var specs []*flagSpec
	for i := range t.specs {
		if t.specs[i].positional() {
			specs = append(specs, &t.specs[i])
		}
	}
	return specs
}

// prefixed returns the long spellings that begin with prefix, as argparse's abbreviations do.
func (t *flagTable) prefixed(prefix string) []string {
	var names []string
	for _, name := range t.longest {
		if strings.HasPrefix(name, prefix) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
