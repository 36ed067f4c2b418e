package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// maxRecipeBytes is far beyond any recipe; it stops a data set given by mistake from being read whole.
const maxRecipeBytes = 1 << 20

// Options are what Load needs besides the file. The zero value has no overrides, no variables and no home folder.
type Options struct {
	// Set are overrides "path=value", applied in order, so that a later one wins. The value is YAML; relative paths in it
	// are relative to the recipe file, as in the recipe itself.
	Set []string
	// LookupEnv gives the variables for ${VAR}; nil means that none is set.
	LookupEnv func(string) (string, bool)
	// Home is what a leading ~ stands for; empty makes ~ a problem.
	Home string
}

// Load reads the recipe at path and resolves it: defaults, overrides, variables, absolute paths. The error is Problems, with
// everything that is wrong, or a *ReadError when the file cannot be read; nothing else.
func Load(path string, o Options) (*Config, error) {
	source, err := read(path)
	if err != nil {
		return nil, &ReadError{Err: err}
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, &ReadError{Err: err}
	}
	if !utf8.ValidString(base) || !utf8.ValidString(o.Home) {
		return nil, &ReadError{Err: fmt.Errorf("a folder whose name is not UTF-8 text: recipe in %q, home %q", base, o.Home)}
	}
	return load(path, base, source, o)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, maxRecipeBytes+1))
	if err != nil {
		return nil, err
	}
	if len(source) > maxRecipeBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes; a recipe is a short YAML file", path, maxRecipeBytes)
	}
	return source, nil
}

// load is Load on bytes; base is the absolute folder that relative paths start from.
func load(path, base string, source []byte, o Options) (*Config, error) {
	r := &reporter{file: path}
	root := parseRecipe(r, source)
	overrides := parseOverrides(r, o.Set)
	if root == nil {
		return nil, r.err()
	}
	for _, o := range overrides {
		o.apply(root)
	}
	d := newDecoder(r, base, o)
	d.decode(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return d.config, nil
}
