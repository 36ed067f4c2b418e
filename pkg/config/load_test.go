package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/bad/*.want anew")

// testEnv are the variables of every test.
func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"SET":   "/opt/set",
		"EMPTY": "",
		"TOKEN": "hf_s3cr3t$x",
		"LATIN": "\xe9",
		"TILDE": "~run",
	}[name]
	return value, ok
}

func testOptions(set ...string) Options {
	return Options{Set: set, LookupEnv: testEnv, Home: "/home/me"}
}

func stems(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
	}
	return files
}

// TestRules holds one recipe that keeps each rule and one that breaks it, with the exact text of the problems.
func TestRules(t *testing.T) {
	rules := stems(t, "testdata/bad/*.yaml")
	if diff := cmp.Diff(stems(t, "testdata/ok/*.yaml"), rules); diff != "" {
		t.Errorf("every rule needs an ok and a bad recipe (-ok +bad):\n%s", diff)
	}
	for _, name := range rules {
		t.Run(name, func(t *testing.T) {
			if _, err := Load("testdata/ok/"+name+".yaml", testOptions()); err != nil {
				t.Errorf("the ok recipe: %v", err)
			}
			_, err := Load("testdata/bad/"+name+".yaml", testOptions())
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Problems", err)
			}
			compareWithFile(t, "testdata/bad/"+name+".want", problems.Error()+"\n")
		})
	}
}

func compareWithFile(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestEveryKeyHasABadRecipe keeps a new key from coming without its rule being shown.
func TestEveryKeyHasABadRecipe(t *testing.T) {
	var all strings.Builder
	for _, name := range stems(t, "testdata/bad/*.want") {
		b, err := os.ReadFile("testdata/bad/" + name + ".want")
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, k := range schema(&Config{}) {
		if !strings.Contains(all.String(), ": "+k.path+": ") {
			t.Errorf("no bad recipe reports %s", k.path)
		}
	}
}

func TestProblemPositions(t *testing.T) {
	_, err := Load("testdata/bad/everything-at-once.yaml", testOptions("load.seed=x"))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want Problems", err)
	}
	type position struct {
		Line, Col int
		Path      string
	}
	var got []position
	for _, p := range problems {
		got = append(got, position{p.Line, p.Col, p.Path})
		wantFile := "testdata/bad/everything-at-once.yaml"
		if p.Line == 0 {
			wantFile = "--set"
		}
		if p.File != wantFile {
			t.Errorf("%s: file %q, want %q", p.Path, p.File, wantFile)
		}
	}
	want := []position{
		{1, 1, "nmae"},
		{3, 3, "server.modle"},
		{4, 9, "server.port"},
		{5, 3, "server.port"},
		{6, 10, "server.args.model"},
		{6, 27, "server.args.c.d"},
		{7, 12, "server.env.A"},
		{8, 1, "load.max_input_len"},
		{9, 17, "load.request_rate"},
		{10, 3, `load."é"`},
		{0, 0, "load.seed"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

// TestColumnsCountCharacters: a recipe in another language must not shift what is reported.
func TestColumnsCountCharacters(t *testing.T) {
	_, err := load("r.yaml", "/r", []byte("\ufeffserver: {model: /é界, host: \"\"}\r\ndataset: {path: /é, num: 1}\r\n"), testOptions())
	want := "r.yaml:1:28: server.host: not of the allowed form, got the text \"\"; allowed an IP address or a host name\n" +
		"r.yaml:2:21: dataset.num: unknown key; allowed num_requests, path, tokenizer"
	if err == nil {
		t.Fatal("got no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, slices.Repeat([]byte("#"), maxRecipeBytes+1), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path, want string
		is         error
	}{
		"missing":  {path: filepath.Join(dir, "no.yaml"), want: "no.yaml", is: fs.ErrNotExist},
		"a folder": {path: dir, want: "is a directory"},
		"large":    {path: large, want: "larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(tt.path, Options{})
			var unread *ReadError
			if !errors.As(err, &unread) {
				t.Fatalf("got %T %v, want *ReadError", err, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want it to be %v", err, tt.is)
			}
		})
	}
}

func TestNameAfterFile(t *testing.T) {
	source := []byte("server: {model: /m}\ndataset: {path: /d}\n")
	for file, want := range map[string]string{
		"/a/llama3.8b.yaml": "llama3.8b",
		"night_run":         "night_run",
	} {
		c, err := load(file, "/r", source, Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if c.Name != want {
			t.Errorf("%s: got the name %q, want %q", file, c.Name, want)
		}
	}
	for _, file := range []string{"my recipe.yaml", ".yaml", "läma.yaml"} {
		_, err := load(file, "/r", source, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), file+":1:1: name: no name, and the file's name does not do") {
			t.Errorf("%s: got %v, want a problem with name", file, err)
		}
		if _, err := load(file, "/r", source, Options{Set: []string{"name=n"}}); err != nil {
			t.Errorf("%s with a name: %v", file, err)
		}
	}
}
