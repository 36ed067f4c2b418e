package server

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxFirstLines is how much of a script is read; pip writes paths of up to some thousand characters into it.
const maxFirstLines = 8192

// script follows a program that is no Python itself: a console script, by its first line.
func (s interpreterSearch) script(command []string) (Interpreter, error) {
	file, err := Resolve(command[0], s.path)
	if err != nil {
		return Interpreter{}, err
	}
	head, err := readHead(file)
	if err != nil {
		return Interpreter{}, &CommandError{Command: command[0], Err: bareCause(err)}
	}
	words, reason := shebang(head)
	if reason != "" {
		return Interpreter{}, unknownInterpreter(command, "%s is %s", file, reason)
	}
	return s.python(append(words, file))
}

func readHead(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxFirstLines))
	return string(head), err
}

var shells = []string{"sh", "bash", "dash", "zsh", "ksh", "fish"}

// shebang gives the command that runs a script of Python, from the beginning of the file, or says what the file is instead.
func shebang(head string) (words []string, reason string) {
	line, rest, _ := strings.Cut(head, "\n")
	line, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return nil, "no script: it does not begin with #!"
	}
	words = strings.Fields(line)
	if len(words) == 0 {
		return nil, "a script that names no program in its first line"
	}
	if slices.Contains(shells, filepath.Base(words[0])) {
		if words = execTrick(rest); words == nil {
			return nil, "a shell script, which may start any Python"
		}
	}
	if filepath.Base(words[0]) == "env" {
		if words = envWords(words[1:]); words == nil {
			return nil, "a script that names no program in its first line"
		}
	}
	if !pythonName.MatchString(filepath.Base(words[0])) {
		return nil, "a script for " + filepath.Base(words[0])
	}
	return words, ""
}

// envWords leaves out env's options and variables from the words of a first line such as "#!/usr/bin/env -S A=b python -u".
func envWords(words []string) []string {
	for i, w := range words {
		if w, split := strings.CutPrefix(w, "--split-string="); split {
			return append([]string{w}, words[i+1:]...)
		}
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return words[i:]
		}
	}
	return nil
}

// execLine is how pip and uv start a Python whose path is too long for a first line, or has spaces: the shell runs this second
// line, and Python takes it for the beginning of a text.
var execLine = regexp.MustCompile(`^'''exec' (?:"([^"]+)"|'([^']+)'|([^\s"']+))((?: -[A-Za-z]+)*) "\$0" "\$@"`)

// execTrick gives the command in such a second line; nil if it is another.
func execTrick(second string) []string {
	m := execLine.FindStringSubmatch(second)
	if m == nil {
		return nil
	}
	return append([]string{m[1] + m[2] + m[3]}, strings.Fields(m[4])...)
}

// bareCause takes the path out of an error that says it again itself.
func bareCause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
