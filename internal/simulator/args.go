package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// arguments are the parsed command line: the values of every flag that was given, by its key, and the flags in the order in
// which they came. A flag without a value holds "true" or "false".
type arguments struct {
	table  *flagTable
	values map[string][]string
	given  []string
	help   bool
}

// usageError is an argument error as argparse reports it: usage, then the text, exit status 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// parseArgs reads argv as vLLM's FlexibleArgumentParser does: _ and - are the same in names, names may be abbreviated, values
// follow as the next argument or after =, the last of repeated values counts, and JSON flags may be given in dotted parts.
func parseArgs(table *flagTable, argv []string) (*arguments, error) {
	p := &argParser{table: table, result: &arguments{table: table, values: map[string][]string{}}, dotted: map[string]map[string]any{}}
	p.rest = dashed(argv)
	for len(p.rest) > 0 {
		arg := p.rest[0]
		p.rest = p.rest[1:]
		if err := p.take(arg); err != nil {
			return nil, err
		}
		if p.result.help {
			return p.result, nil
		}
	}
	if err := p.storeDotted(); err != nil {
		return nil, err
	}
	if len(p.unknown) > 0 {
		return nil, usagef("unrecognized arguments: %s", strings.Join(p.unknown, " "))
	}
	return p.result, nil
}

// dashed replaces _ by - in the names of long flags (not in values, nor in what follows a dot) and spells -O out.
func dashed(argv []string) []string {
	out := make([]string, 0, len(argv))
	for _, arg := range argv {
		switch {
		case strings.HasPrefix(arg, "--"):
			name, value, assigned := strings.Cut(arg, "=")
			head, tail, dotted := strings.Cut(name, ".")
			name = strings.ReplaceAll(head, "_", "-")
			if dotted {
				name += "." + tail
			}
			if assigned {
				name += "=" + value
			}
			out = append(out, name)
		case strings.HasPrefix(arg, "-O") && arg != "-O":
			out = append(out, "--optimization-level", strings.TrimPrefix(arg[2:], "="))
		default:
			out = append(out, arg)
		}
	}
	return out
}

// argParser is the state of one parse.
type argParser struct {
	table   *flagTable
	rest    []string
	result  *arguments
	unknown []string
	dotted  map[string]map[string]any
	// positionalsUsed counts the positional arguments already filled.
	positionalsUsed int
	// literal is set after "--": everything that follows is a value.
	literal bool
}

// negativeNumber is what argparse takes for a value although it begins with a dash.
var negativeNumber = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)

// isFlag reports whether arg would start a flag and therefore cannot be a value.
func isFlag(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && !negativeNumber.MatchString(arg) && !strings.Contains(arg, " ")
}

// take consumes one argument and, where it is a flag, its values.
func (p *argParser) take(arg string) error {
	if arg == "--" && !p.literal {
		p.literal = true
		return nil
	}
	if p.literal || !isFlag(arg) {
		p.takePositional(arg)
		return nil
	}
	name, value, assigned := strings.Cut(arg, "=")
	if strings.HasPrefix(name, "-") && strings.Contains(name, ".") {
		return p.takeDotted(name, value, assigned)
	}
	spec, err := p.lookup(name, arg)
	if err != nil {
		return err
	}
	if spec == nil {
		p.unknown = append(p.unknown, arg)
		return nil
	}
	if assigned {
		return p.storeAssigned(spec, value)
	}
	return p.storeFollowing(spec, name)
}

func (p *argParser) takePositional(arg string) {
	specs := p.table.positionals()
	if p.positionalsUsed >= len(specs) {
		p.unknown = append(p.unknown, arg)
		return
	}
	p.set(specs[p.positionalsUsed], []string{arg})
	p.positionalsUsed++
}

// lookup finds a flag by its exact name or by an unambiguous beginning of it; nil means unknown.
func (p *argParser) lookup(name, arg string) (*flagSpec, error) {
	if spec, ok := p.table.byName[name]; ok {
		return spec, nil
	}
	if !strings.HasPrefix(name, "--") {
		return nil, nil
	}
	names := p.table.prefixed(name)
	switch len(names) {
	case 0:
		return nil, nil
	case 1:
		return p.table.byName[names[0]], nil
	default:
		return nil, usagef("ambiguous option: %s could match %s", arg, strings.Join(names, ", "))
	}
}

// storeAssigned handles --name=value.
func (p *argParser) storeAssigned(spec *flagSpec, value string) error {
	if spec.arity == "0" {
		return usagef("argument %s: ignored explicit argument '%s'", spec.title(), value)
	}
	return p.store(spec, []string{value})
}

// storeFollowing handles a flag whose values, if any, are the arguments after it.
func (p *argParser) storeFollowing(spec *flagSpec, name string) error {
	var values []string
	limit := map[string]int{"0": 0, "1": 1, "?": 1, "+": len(p.rest)}[spec.arity]
	for len(values) < limit && len(p.rest) > 0 && !isFlag(p.rest[0]) {
		values = append(values, p.rest[0])
		p.rest = p.rest[1:]
	}
	switch {
	case spec.kind == kindHelp:
		p.result.help = true
		return nil
	case spec.kind == kindBool:
		if _, exact := p.table.byName[name]; !exact {
			name = p.table.prefixed(name)[0]
		}
		p.set(spec, []string{fmt.Sprint(!strings.HasPrefix(name, "--no-"))})
		return nil
	case spec.kind == kindTrue:
		p.set(spec, []string{"true"})
		return nil
	case len(values) == 0 && spec.arity == "1":
		return usagef("argument %s: expected one argument", spec.title())
	case len(values) == 0 && spec.arity == "+":
		return usagef("argument %s: expected at least one argument", spec.title())
	}
	return p.store(spec, values)
}

// store checks the values and keeps them.
func (p *argParser) store(spec *flagSpec, values []string) error {
	for _, value := range values {
		if err := checkValue(spec, value); err != nil {
			return err
		}
	}
	p.set(spec, values)
	return nil
}

func (p *argParser) set(spec *flagSpec, values []string) {
	key := spec.key()
	if spec.kind == kindAppend {
		values = append(p.result.values[key], values...)
	}
	p.result.values[key] = values
	if !slices.Contains(p.result.given, key) {
		p.result.given = append(p.result.given, key)
	}
}

// takeDotted handles --name.key.key value and --name.key+ value, parts of one JSON value.
func (p *argParser) takeDotted(name, value string, assigned bool) error {
	if !assigned {
		if len(p.rest) == 0 {
			return usagef("argument %s: expected one argument", name)
		}
		value, p.rest = p.rest[0], p.rest[1:]
	}
	keys := strings.Split(strings.TrimSuffix(name, "+"), ".")
	var decoded any
	if strings.HasSuffix(name, "+") {
		decoded = strings.Split(value, ",")
	} else if json.Unmarshal([]byte(value), &decoded) != nil {
		decoded = value
	}
	part, ok := p.dotted[keys[0]]
	if !ok {
		part = map[string]any{}
		p.dotted[keys[0]] = part
		p.result.given = append(p.result.given, keys[0])
	}
	for _, key := range keys[1 : len(keys)-1] {
		next, ok := part[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			part[key] = next
		}
		part = next
	}
	part[keys[len(keys)-1]] = decoded
	return nil
}

// storeDotted turns the collected parts into the JSON values that they stand for.
func (p *argParser) storeDotted() error {
	var names []string
	p.result.given = slices.DeleteFunc(p.result.given, func(key string) bool {
		_, ok := p.dotted[key]
		if ok {
			names = append(names, key)
		}
		return ok
	})
	for _, name := range names {
		spec, err := p.lookup(name, name)
		if err != nil {
			return err
		}
		text, err := json.Marshal(p.dotted[name])
		if err != nil {
			return usagef("argument %s: %v", name, err)
		}
		if spec == nil || spec.arity == "0" {
			p.unknown = append(p.unknown, name, string(text))
			continue
		}
		if err := p.store(spec, []string{string(text)}); err != nil {
			return err
		}
	}
	return nil
}
