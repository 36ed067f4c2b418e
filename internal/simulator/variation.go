package simulator

import (
	"slices"
	"strings"
)

// readArgs reads the command line of a launch: the flags of --sim-when are added to it where they concern the launch, and
// those of --sim-refuse are unknown.
func readArgs(argv []string) (*arguments, error) {
	table := newFlagTable()
	args, err := parseArgs(table, argv)
	if err != nil || args.help {
		return args, err
	}
	more, err := args.flagsOfLaunch()
	if err != nil {
		return nil, err
	}
	argv = slices.Concat(argv, more)
	if args, err = parseArgs(table, argv); err != nil {
		return nil, err
	}
	refused := args.values["--sim-refuse"]
	if len(refused) == 0 {
		return args, nil
	}
	if table, err = table.without(refused); err != nil {
		return nil, err
	}
	return parseArgs(table, argv)
}

// flagsOfLaunch are the flags of every --sim-when whose text is in the served name.
func (a *arguments) flagsOfLaunch() ([]string, error) {
	served := ""
	if names := a.values["--served-model-name"]; len(names) > 0 {
		served = names[0]
	}
	var flags []string
	for _, when := range a.values["--sim-when"] {
		text, list, ok := strings.Cut(when, ":")
		words := strings.Fields(list)
		if !ok || len(words) == 0 {
			return nil, usagef("argument --sim-when: %q has no flags; allowed: TEXT: FLAG [VALUE] ...", when)
		}
		if strings.Contains(served, text) {
			flags = append(flags, words...)
		}
	}
	return flags, nil
}

// without is the table of a server that does not know these flags, given without their dashes.
func (t *flagTable) without(names []string) (*flagTable, error) {
	smaller := &flagTable{specs: slices.Clone(t.specs)}
	for _, name := range names {
		spec, known := t.byName["--"+name]
		if !known {
			return nil, usagef("argument --sim-refuse: the simulator has no flag --%s", name)
		}
		smaller.specs = slices.DeleteFunc(smaller.specs, func(s flagSpec) bool { return s.key() == spec.key() })
	}
	smaller.index()
	return smaller, nil
}
