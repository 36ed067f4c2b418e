package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
)

// TestREADMERecipe: the recipe in the README is one.
func TestREADMERecipe(t *testing.T) {
	blocks := codeBlocks(readme(t), "yaml")
	if len(blocks) != 1 {
		t.Fatalf("yaml blocks in the README: got %d, want 1", len(blocks))
	}
	path := filepath.Join(t.TempDir(), "readme.yaml")
	if err := os.WriteFile(path, []byte(blocks[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, config.Options{Home: "/home/me", LookupEnv: func(name string) (string, bool) {
		return "hf_x", name == "HF_TOKEN"
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(cfg.Server.Args), 5; got != want {
		t.Errorf("flags: got %d, want %d", got, want)
	}
}

// TestREADMEFiles: what the README tells to run or to read is there.
func TestREADMEFiles(t *testing.T) {
	text := readme(t)
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"configs/quickstart.yaml", "configs/llama3-8b-1k.yaml", "configs/reference.yaml",
		"docs/metrics.md", "docs/design.md", "docs/check.md"} {
		if !strings.Contains(text, name) {
			t.Errorf("the README does not mention %s", name)
		}
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
			t.Error(err)
		}
	}
	for _, target := range []string{"build", "test", "check", "e2e", "bench"} {
		if !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("the README promises make %s; the Makefile has no such target", target)
		}
	}
}

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// codeBlocks are the fenced blocks of a language.
func codeBlocks(markdown, language string) []string {
	var blocks []string
	for _, part := range strings.Split(markdown, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block+"\n")
	}
	return blocks
}
