package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// modelFolder writes the files of a model and returns their folder.
func modelFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, files)
	return dir
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadModel(t *testing.T) {
	tiny, err := filepath.Abs("testdata/tiny-llama")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		dir  string
		want Model
		stop []int32
	}{
		{"tiny-llama", tiny, Model{VocabSize: 512, MaxPositionEmbeddings: 2048, EOS: []int32{257, 258}, EOT: new(int32(258))},
			[]int32{257, 258}},
		{"config alone", modelFolder(t, map[string]string{"config.json": `{"vocab_size":7,"eos_token_id":null}`}),
			Model{VocabSize: 7}, nil},
		{"empty config", modelFolder(t, map[string]string{"config.json": `{}`}), Model{}, nil},
		{"several modalities", modelFolder(t, map[string]string{"config.json": `{"vocab_size":9,"eos_token_id":[5,3],
			"text_config":{"vocab_size":100,"max_position_embeddings":200,"eos_token_id":4},"vision_config":{"vocab_size":1}}`}),
			Model{VocabSize: 100, MaxPositionEmbeddings: 200, EOS: []int32{3, 4, 5}}, []int32{3, 4, 5}},
		{"llm_config", modelFolder(t, map[string]string{"config.json": `{"llm_config":{"vocab_size":100}}`}), Model{VocabSize: 100}, nil},
		{"union of both configs", modelFolder(t, map[string]string{"config.json": `{"eos_token_id":8}`,
			"generation_config.json": `{"eos_token_id":[9,8,2]}`}), Model{EOS: []int32{2, 8, 9}}, []int32{2, 8, 9}},
		{"added_tokens_decoder", modelFolder(t, map[string]string{"config.json": `{"eos_token_id":9}`, "tokenizer.json": `{"added_tokens":[]}`,
			"tokenizer_config.json": `{"added_tokens_decoder":{"4":{"content":"<s>"},"5":{"content":"<|eot_id|>"}}}`}),
			Model{EOS: []int32{9}, EOT: new(int32(5))}, []int32{5, 9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadModel(ModelOptions{Name: tt.dir})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Name, tt.want.Dir = tt.dir, tt.dir
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(got.StopIDs(), tt.stop); diff != "" {
				t.Errorf("stop ids (-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadModelRefuses(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string // DIR stands for the folder
	}{
		{"no config", nil, "DIR has no config.json; it is not a complete model folder"},
		{"broken config", map[string]string{"config.json": "{\n\"vocab_size\": 5,\n}"},
			"reading DIR/config.json: line 3: not JSON: invalid character '}' looking for beginning of object key string"},
		{"cut config", map[string]string{"config.json": `{"vocab_size":`},
			"reading DIR/config.json: line 1: not JSON: unexpected end of JSON input"},
		{"config is a list", map[string]string{"config.json": `[]`}, "reading DIR/config.json: the file: got array; allowed: an object"},
		{"float", map[string]string{"config.json": `{"vocab_size":1.5}`},
			"reading DIR/config.json: vocab_size: got 1.5; allowed: an integer from 0 to 2147483647"},
		{"text in a part", map[string]string{"config.json": `{"text_config":{"max_position_embeddings":"8k"}}`},
			`reading DIR/config.json: text_config.max_position_embeddings: got "8k"; allowed: an integer from 0 to 2147483647`},
		{"eos", map[string]string{"config.json": `{"eos_token_id":-1}`},
			"reading DIR/config.json: eos_token_id: got -1; allowed: an integer from 0 to 2147483647"},
		{"eos list", map[string]string{"config.json": `{}`, "generation_config.json": `{"eos_token_id":[1,null]}`},
			"reading DIR/generation_config.json: eos_token_id: got null; allowed: an integer from 0 to 2147483647"},
		{"tokenizer", map[string]string{"config.json": `{}`, "tokenizer.json": `{"added_tokens":5}`},
			"reading DIR/tokenizer.json: added_tokens: got number; allowed: a list"},
		{"tokenizer_config", map[string]string{"config.json": `{}`, "tokenizer_config.json": `{"added_tokens_decoder":{"x":{"content":"<|eot_id|>"}}}`},
			`DIR/tokenizer_config.json: the id of <|eot_id|> is "x"; allowed: integers from 0 to 2147483647`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := modelFolder(t, tt.files)
			_, err := ReadModel(ModelOptions{Name: dir})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(strings.ReplaceAll(err.Error(), dir, "DIR"), "model DIR: "+tt.want); diff != "" {
				t.Errorf("error (-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadModelNames(t *testing.T) {
	file := writeFile(t, "model", "")
	empty := t.TempDir()
	tests := []struct{ name, want string }{
		{"", "model : no name; allowed: the absolute path of a model folder, or a Hugging Face name"},
		{"./models/a", "model ./models/a: neither the absolute path of a model folder nor a Hugging Face name such as org/name"},
		{"a/../b", "model a/../b: neither the absolute path of a model folder nor a Hugging Face name such as org/name"},
		{"/no/such/folder", "model /no/such/folder: opening the model folder: no such file or directory"},
		{file, "model " + file + ": not a folder"},
		{"org/name", "model org/name: not in the local Hugging Face cache " + empty + "/.cache/huggingface/hub; download it first " +
			"(hf download org/name), or set dataset.tokenizer to a folder with its config.json"},
	}
	for _, tt := range tests {
		_, err := ReadModel(ModelOptions{Name: tt.name, Home: empty})
		if err == nil {
			t.Fatalf("%s: no error", tt.name)
		}
		if diff := cmp.Diff(err.Error(), tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

func TestReadModelFromTheCache(t *testing.T) {
	home := t.TempDir()
	// Each cache holds a model of another vocabulary, so that the one that was read shows.
	for dir, vocab := range map[string]string{".cache/huggingface/hub": "1", "xdg/huggingface/hub": "2", "hf/hub": "3", "old": "4", "new": "5"} {
		writeFiles(t, filepath.Join(home, dir, "models--org--name"), map[string]string{
			"refs/main": "abc123\n", "snapshots/abc123/config.json": `{"vocab_size":` + vocab + `}`})
	}
	tests := []struct {
		env  map[string]string
		want int
	}{
		{nil, 1},
		{map[string]string{"HF_HOME": ""}, 1},
		{map[string]string{"XDG_CACHE_HOME": home + "/xdg"}, 2},
		{map[string]string{"XDG_CACHE_HOME": home + "/xdg", "HF_HOME": "~/hf"}, 3},
		{map[string]string{"HF_HOME": home + "/hf", "HUGGINGFACE_HUB_CACHE": home + "/old"}, 4},
		{map[string]string{"HUGGINGFACE_HUB_CACHE": home + "/old", "HF_HUB_CACHE": home + "/new"}, 5},
	}
	for _, tt := range tests {
		lookup := func(key string) (string, bool) { v, ok := tt.env[key]; return v, ok }
		got, err := ReadModel(ModelOptions{Name: "org/name", LookupEnv: lookup, Home: home})
		if err != nil {
			t.Fatalf("%v: %v", tt.env, err)
		}
		if got.VocabSize != tt.want || filepath.Base(got.Dir) != "abc123" || got.Name != "org/name" {
			t.Errorf("%v: got %+v, want vocabulary %d", tt.env, got, tt.want)
		}
	}
}

func TestReadModelFromABrokenCache(t *testing.T) {
	home := t.TempDir()
	hub := filepath.Join(home, ".cache/huggingface/hub")
	writeFiles(t, hub, map[string]string{"models--a/blobs/x": "", "models--b/refs/main": "../../..", "models--c/refs/main": "def"})
	for name, want := range map[string]string{
		"a": "model a: the local Hugging Face cache has it without its main revision: reading HUB/models--a/refs/main: no such file or " +
			"directory; download it again (hf download a)",
		"b": `model b: HUB/models--b/refs/main holds "../../.."; allowed: the name of a revision`,
		"c": "model c: the local Hugging Face cache lacks HUB/models--c/snapshots/def; download it again (hf download c)",
	} {
		_, err := ReadModel(ModelOptions{Name: name, Home: home})
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		if diff := cmp.Diff(strings.ReplaceAll(err.Error(), hub, "HUB"), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func FuzzReadModel(f *testing.F) {
	f.Add(`{"vocab_size":5,"eos_token_id":[1,2],"text_config":{"vocab_size":3}}`, `{"added_tokens":[{"id":3,"content":"<|eot_id|>"}]}`)
	f.Add(`{"eos_token_id":null}`, `{"added_tokens_decoder":{"3":{"content":"<|eot_id|>"}}}`)
	f.Add(`{"eos_token_id":[null]}`, `[]`)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, config, tokenizer string) {
		for name, content := range map[string]string{"config.json": config, "generation_config.json": config,
			"tokenizer.json": tokenizer, "tokenizer_config.json": tokenizer} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m, err := ReadModel(ModelOptions{Name: dir})
		if err != nil {
			return
		}
		if m.VocabSize < 0 || m.MaxPositionEmbeddings < 0 {
			t.Errorf("got %+v", m)
		}
		for i, id := range m.StopIDs() {
			if id < 0 || i > 0 && id <= m.StopIDs()[i-1] {
				t.Errorf("stop ids %v", m.StopIDs())
			}
		}
	})
}
