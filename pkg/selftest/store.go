package selftest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Dir is the folder in which this user's results are kept: below $XDG_STATE_HOME, else below $HOME/.local/state; empty when neither
// is set.
func Dir(lookupEnv func(string) (string, bool)) string {
	const app = "sqzb-orchestrate"
	if base, _ := lookupEnv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, app)
	}
	if home, _ := lookupEnv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", app)
	}
	return ""
}

// path is the file of a host: a home may be that of many.
func path(dir string, h Host) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, h.Hostname)
	return filepath.Join(dir, "selftest-"+name+".json")
}

// Store keeps the result in a folder, in place of an earlier one of the same host, and returns the file.
func (r *Result) Store(dir string) (string, error) {
	text, err := r.JSON()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keeping the result: %w", err)
	}
	file := path(dir, r.Host)
	part, err := os.CreateTemp(dir, filepath.Base(file)+".*")
	if err != nil {
		return "", fmt.Errorf("keeping the result: %w", err)
	}
	_, err = part.Write(text)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		_ = os.Remove(part.Name())
		return "", fmt.Errorf("keeping the result: %w", err)
	}
	return file, nil
}

// Stored is the result that was last stored in a folder of a selftest of this host; nil when there is none that this version can
// read.
func Stored(dir string, h Host) (*Result, error) {
	text, err := os.ReadFile(path(dir, h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last selftest: %w", err)
	}
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading the last selftest, %s: %w", path(dir, h), err)
	}
	if r.Schema != Schema || !r.Host.same(h) {
		return nil, nil
	}
	return r, nil
}

// JSON is the result for programs.
func (r *Result) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the result: %w", err)
	}
	return append(text, '\n'), nil
}
