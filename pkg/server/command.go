package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CommandError says that the server's command cannot be run: it does not exist, is a folder, or is not executable. It wraps
// fs.ErrNotExist or fs.ErrPermission where these are the cause.
type CommandError struct {
	// Command is the command as it was given.
	Command string
	// Err is the cause.
	Err error
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("server command %q: %v", e.Command, e.Err)
}

func (e *CommandError) Unwrap() error { return e.Err }

// Resolve returns the absolute path of the program that command stands for, as a shell would find it: a command with a slash
// is a path, any other is looked up in path, the value of PATH. The error is a *CommandError.
func Resolve(command, path string) (string, error) {
	if command == "" {
		return "", &CommandError{Command: command, Err: errors.New("empty command")}
	}
	if strings.Contains(command, "/") {
		return resolveFile(command, command)
	}
	var denied error
	for _, dir := range filepath.SplitList(path) {
		found, err := resolveFile(command, filepath.Join(dir, command))
		if err == nil {
			return found, nil
		}
		if denied == nil && !errors.Is(err, fs.ErrNotExist) {
			denied = err
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &CommandError{Command: command, Err: fmt.Errorf("%w in PATH (%s)", fs.ErrNotExist, path)}
}

// resolveFile checks that file can be executed.
func resolveFile(command, file string) (string, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		// A PATH entry that is a file, or a path through one: nothing is there.
		return "", &CommandError{Command: command, Err: fs.ErrNotExist}
	case err != nil:
		return "", &CommandError{Command: command, Err: errors.Unwrap(err)}
	case info.IsDir():
		return "", &CommandError{Command: command, Err: fmt.Errorf("%s is a folder, not a program", file)}
	case info.Mode().Perm()&0o111 == 0:
		return "", &CommandError{Command: command, Err: fmt.Errorf("%s is not executable: %w", file, fs.ErrPermission)}
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", &CommandError{Command: command, Err: err}
	}
	return abs, nil
}
