package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLoad: no bytes make Load panic, what it refuses it refuses with located Problems, and what it takes survives YAML.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.yaml", recipes + "/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(source, "load.seed=1")
		}
	}
	f.Add([]byte("server: {model: /m}"), "server.args={a: [1, {b: 0.10}]}")
	f.Add([]byte("server: {model: /m}"), "server.env.A=${SET}$$")
	f.Fuzz(func(t *testing.T, source []byte, set string) {
		c, err := load("r.yaml", "/nowhere/r", source, testOptions(set))
		if err != nil {
			checkProblems(t, err)
			return
		}
		back, err := load("r.yaml", "/elsewhere", c.YAML(), testOptions())
		if err != nil {
			t.Fatalf("what YAML wrote: %v\n%s", err, c.YAML())
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Fatalf("loaded again (-want +got):\n%s\n%s", diff, c.YAML())
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("got %T %v, want Problems", err, err)
	}
	for _, p := range problems {
		inFile := p.File == "r.yaml" && p.Line > 0 && p.Col > 0
		inOverride := p.File == "--set" && p.Line == 0 && p.Col == 0
		if !inFile && !inOverride || p.Message == "" {
			t.Fatalf("a problem without place or message: %+v", p)
		}
	}
}
