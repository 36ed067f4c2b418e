package server

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Interpreter is the Python that a server's command runs in. The zero value is none.
type Interpreter struct {
	// Argv starts it the way the command does: what the command puts in front (numactl and the like), the program with its
	// absolute path, and Python's own options.
	Argv []string
	// First is the folder in which modules are looked for first: that of the script, absolute, or "" for the current one.
	First string
}

// String is the command line up to and with Python's options.
func (p Interpreter) String() string { return strings.Join(p.Argv, " ") }

// UnknownInterpreterError says that a command's Python cannot be told from the command: it is a shell script, a container,
// or no Python at all. Such a command may run perfectly well.
type UnknownInterpreterError struct {
	// Command is the part of the command that could not be followed.
	Command []string
	// Reason ends the sentence "the Python behind ... is not known: ".
	Reason string
}

func (e *UnknownInterpreterError) Error() string {
	return fmt.Sprintf("the Python behind %q is not known: %s", abbreviate(clean(strings.Join(MaskArgv(e.Command), " ")), 120), e.Reason)
}

func unknownInterpreter(command []string, format string, args ...any) error {
	return &UnknownInterpreterError{Command: command, Reason: fmt.Sprintf(format, args...)}
}

var pythonName = regexp.MustCompile(`^(python|pypy)(\d+(\.\d+)*t?)?$`)

// launchers run the program that their arguments name in their own place, and do nothing that lasts: they may run once more
// to ask for a version. What queues jobs, starts containers or installs packages does not belong here.
var launchers = []string{"chrt", "env", "ionice", "nice", "nohup", "numactl", "prlimit", "setarch", "setsid", "stdbuf", "taskset"}

// InterpreterOf finds the Python that a server's command runs in, from the command alone: nothing is started. Programs are looked
// up in the PATH of env (NAME=value, as Environ gives it), and so are conda's variables. It follows python itself, by name or path
// and with its options; console scripts such as vllm, by their first line; conda run (mamba, micromamba) with an environment;
// and these behind env, numactl, taskset, nice and their like.
//
// The error is an *UnknownInterpreterError for all that cannot be followed, shell scripts first of all, and a *CommandError for
// a program that is not there.
func InterpreterOf(command, env []string) (Interpreter, error) {
	s := interpreterSearch{env: env, path: lookup(env, "PATH")}
	return s.command(command)
}

// interpreterSearch follows a command. It is passed by value: what a step changes holds for the steps after it.
type interpreterSearch struct {
	env  []string
	path string
}

func (s interpreterSearch) command(command []string) (Interpreter, error) {
	if len(command) == 0 {
		return Interpreter{}, &CommandError{Err: errors.New("empty command")}
	}
	switch name := filepath.Base(command[0]); {
	case pythonName.MatchString(name):
		return s.python(command)
	case slices.Contains(condas, name):
		return s.conda(command)
	case slices.Contains(launchers, name):
		return s.launcher(command)
	}
	return s.script(command)
}

// launcher follows a program that starts another. Its own options are not understood: the first word that can only be a
// Python, or vllm's script, is what it starts. But a word before it that is a program may be what is started in truth, with
// the Python as a mere argument (env A=b docker run image python): asking that for a version could start anything.
func (s interpreterSearch) launcher(command []string) (Interpreter, error) {
	program, err := Resolve(command[0], s.path)
	if err != nil {
		return Interpreter{}, err
	}
	for i, word := range command[1:] {
		if path, ok := strings.CutPrefix(word, "PATH="); ok && filepath.Base(program) == "env" {
			s.path = path
		}
		if name := filepath.Base(word); !pythonName.MatchString(name) && name != "vllm" && !slices.Contains(condas, name) {
			if other, err := Resolve(word, s.path); err == nil && !isLauncher(other) {
				return Interpreter{}, unknownInterpreter(command, "%s may start any Python", other)
			}
			continue
		}
		found, err := s.command(command[1+i:])
		if err != nil {
			return Interpreter{}, err
		}
		found.Argv = slices.Concat([]string{program}, command[1:1+i], found.Argv)
		return found, nil
	}
	return Interpreter{}, unknownInterpreter(command, "none of its words is a Python or vllm")
}

// isLauncher tells whether a file is one of the launchers, be it by another name: x86_64 is a link to setarch.
func isLauncher(file string) bool {
	if real, err := filepath.EvalSymlinks(file); err == nil && slices.Contains(launchers, filepath.Base(real)) {
		return true
	}
	return slices.Contains(launchers, filepath.Base(file))
}
