package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writePassFile writes a JSON file of a pass into the run directory dir.
func writePassFile(dir, pass, file string, v any) error {
	data, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", file, err)
	}
	return WriteFile(filepath.Join(dir, pass, file), data)
}

// readPassFile reads a JSON file of a pass, and checks what it holds; nil when there is none. what names it in errors.
func readPassFile[T any](dir, pass, file, what string, check func(*T) error) (*T, error) {
	path := filepath.Join(dir, pass, file)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("reading %s: %s: %w", what, position(path, data, err), err)
	}
	if err := check(v); err != nil {
		return nil, fmt.Errorf("reading %s: %s: %w", what, path, err)
	}
	return v, nil
}
