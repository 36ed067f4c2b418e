package server

import (
	"os"
	"path/filepath"
	"strings"
)

// condas are conda and what takes its place.
var condas = []string{"conda", "mamba", "micromamba"}

// conda follows "conda run" into the environment it names. Conda itself is left out of what is found: it takes a second to
// start, and changes nothing about which packages its Python has.
func (s interpreterSearch) conda(command []string) (Interpreter, error) {
	program, err := Resolve(command[0], s.path)
	if err != nil {
		return Interpreter{}, err
	}
	o, reason := condaOptions(command[1:])
	if reason != "" {
		return Interpreter{}, unknownInterpreter(command, "%s", reason)
	}
	prefix, found := s.condaPrefix(program, o)
	if !found {
		return Interpreter{}, unknownInterpreter(command, "no environment %s with a Python in it was found where conda keeps them", o)
	}
	s.path = filepath.Join(prefix, "bin") + string(filepath.ListSeparator) + s.path
	return s.command(o.command)
}

// condaRun is what "conda run" is told: an environment by name or by path, or neither for the active one.
type condaRun struct {
	name, prefix string
	command      []string
}

// String is the environment as it was given.
func (o condaRun) String() string {
	switch {
	case o.prefix != "":
		return o.prefix
	case o.name != "":
		return o.name
	}
	return "that is active"
}

// condaOptions reads what follows conda, or says why it cannot be followed.
func condaOptions(args []string) (o condaRun, reason string) {
	if len(args) == 0 || args[0] != "run" {
		return o, "only conda run starts a program"
	}
	for i := 1; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		target := map[string]*string{"-n": &o.name, "--name": &o.name, "-p": &o.prefix, "--prefix": &o.prefix}[flag]
		switch {
		case target != nil && joined:
			*target = value
		case target != nil && i+1 < len(args):
			i++
			*target = args[i]
		case strings.HasPrefix(flag, "-") && !condaBare[args[i]]:
			return o, "the option " + flag + " of conda run is not understood here"
		case !strings.HasPrefix(flag, "-"):
			o.command = args[i:]
			return o, ""
		}
	}
	return o, "it names no program to run"
}

// condaBare are the options of conda run that have no value and do not change what is run.
var condaBare = map[string]bool{"-v": true, "-vv": true, "--verbose": true, "-s": true, "--no-capture-output": true,
	"--live-stream": true, "--debug-wrapper-scripts": true}

// condaPrefix finds the folder of an environment that has a Python.
func (s interpreterSearch) condaPrefix(program string, o condaRun) (prefix string, found bool) {
	for _, dir := range s.condaCandidates(program, o) {
		if _, err := os.Stat(filepath.Join(dir, "bin", "python")); err == nil && dir != "" {
			return dir, true
		}
	}
	return "", false
}

func (s interpreterSearch) condaCandidates(program string, o condaRun) []string {
	if o.prefix != "" {
		return []string{o.prefix}
	}
	roots := s.condaRoots(program)
	switch {
	case o.name == "base":
		return roots
	case o.name == "":
		return append([]string{lookup(s.env, "CONDA_PREFIX")}, roots...)
	}
	var all []string
	for _, list := range []string{"CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"} {
		for _, dir := range filepath.SplitList(lookup(s.env, list)) {
			all = append(all, filepath.Join(dir, o.name))
		}
	}
	for _, root := range roots {
		all = append(all, filepath.Join(root, "envs", o.name))
	}
	if home := lookup(s.env, "HOME"); home != "" {
		all = append(all, filepath.Join(home, ".conda", "envs", o.name))
	}
	return all
}

// condaRoots are the folders that conda itself may be installed in: <root>/bin/conda or <root>/condabin/conda.
func (s interpreterSearch) condaRoots(program string) []string {
	var roots []string
	if root := lookup(s.env, "MAMBA_ROOT_PREFIX"); root != "" && filepath.Base(program) != "conda" {
		roots = append(roots, root)
	}
	programs := []string{program, lookup(s.env, "CONDA_EXE")}
	if file, err := filepath.EvalSymlinks(program); err == nil {
		programs = append(programs, file)
	}
	for _, p := range programs {
		if dir := filepath.Dir(p); filepath.Base(dir) == "bin" || filepath.Base(dir) == "condabin" {
			roots = append(roots, filepath.Dir(dir))
		}
	}
	return roots
}
