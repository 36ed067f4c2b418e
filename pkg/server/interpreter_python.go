package server

import (
	"path/filepath"
	"strings"
)

// python follows a command that is a Python with its options, and a module, script or code to run.
func (s interpreterSearch) python(command []string) (Interpreter, error) {
	program, err := Resolve(command[0], s.path)
	if err != nil {
		return Interpreter{}, err
	}
	options, rest := pythonOptions(command[1:])
	found := Interpreter{Argv: append([]string{program}, options...)}
	switch {
	case len(rest) == 0:
		return Interpreter{}, unknownInterpreter(command, "it runs neither a module nor a script")
	case rest[0] == "-":
		return Interpreter{}, unknownInterpreter(command, "it runs what it reads from its input")
	case strings.HasPrefix(rest[0], "-"): // -m or -c
		return found, nil
	}
	found.First, err = scriptFolder(rest[0])
	if err != nil {
		return Interpreter{}, &CommandError{Command: rest[0], Err: bareCause(err)}
	}
	return found, nil
}

// pythonOptions splits Python's arguments into its own options and the rest, which begins with -m, -c, "-" or a script.
func pythonOptions(args []string) (options, rest []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' {
			return options, args[i:]
		}
		if arg == "--" {
			return options, args[i+1:]
		}
		letters, takesNext, runs := pythonLetters(arg)
		if letters != "-" {
			options = append(options, letters)
		}
		if runs {
			return options, append([]string{"-m"}, args[i+1:]...)
		}
		if takesNext && i+1 < len(args) {
			i++
			options = append(options, args[i])
		}
	}
	return options, nil
}

// pythonLetters reads one argument of options, such as -u, -Im or -Xdev: what of it are options, whether these go on in the
// next argument, and whether it ends with what to run (-m or -c).
func pythonLetters(arg string) (options string, takesNext, runs bool) {
	if strings.HasPrefix(arg, "--") {
		return arg, arg == "--check-hash-based-pycs", false
	}
	for i, letter := range arg[1:] {
		switch letter {
		case 'm', 'c':
			return arg[:1+i], false, true
		case 'W', 'X':
			return arg, 1+i+1 == len(arg), false
		}
	}
	return arg, false, false
}

// scriptFolder is the folder that Python puts in front of its search path when it runs a script: that of the file itself, not
// of a link to it.
func scriptFolder(script string) (string, error) {
	file, err := filepath.EvalSymlinks(script)
	if err != nil {
		return "", err
	}
	file, err = filepath.Abs(file)
	return filepath.Dir(file), err
}
