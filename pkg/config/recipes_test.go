package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const recipes = "../../configs"

func TestRecipesLoad(t *testing.T) {
	names := stems(t, recipes+"/*.yaml")
	if len(names) < 3 {
		t.Fatalf("got the recipes %v, want quickstart, reference and llama3-8b-1k at least", names)
	}
	for _, name := range names {
		c, err := Load(filepath.Join(recipes, name+".yaml"), Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Name != name {
			t.Errorf("%s.yaml: got the name %q", name, c.Name)
		}
	}
}

func TestQuickstartFiles(t *testing.T) {
	c, err := Load(filepath.Join(recipes, "quickstart.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"simulator"}, c.Server.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	for _, path := range []string{c.Server.Model, c.Dataset.Path} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestReference holds the reference to its promise: every key is in it, with its default.
func TestReference(t *testing.T) {
	file := filepath.Join(recipes, "reference.yaml")
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &reporter{file: file}
	root := parseRecipe(r, source)
	if root == nil {
		t.Fatal(r.err())
	}
	for _, k := range schema(&Config{}) {
		if !has(root, k.path) {
			t.Errorf("%s is not in the reference", k.path)
		}
	}

	got, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(recipes)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Name = "reference"
	want.Server.Model = got.Server.Model            // required
	want.Load.MaxInputLen = got.Load.MaxInputLen    // required without a data set
	want.Dataset.Tokenizer = got.Server.Model       // "" is server.model
	want.Output.Dir = filepath.Join(dir, "results") // relative to the recipe
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("the reference against the defaults (-default +reference):\n%s", diff)
	}
}

func has(root *node, path string) bool {
	for _, step := range splitSteps(path) {
		i := root.find(func(key string) bool { return key == step })
		if i < 0 {
			return false
		}
		root = root.pairs[i].value
	}
	return true
}

func splitSteps(path string) []string {
	l := newLayout(schema(&Config{}))
	steps, _ := splitPath(l, path)
	return steps
}
