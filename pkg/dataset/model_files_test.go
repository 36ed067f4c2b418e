package dataset

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// safetensors is a file with a header that tells of data bytes, and with as many.
func safetensors(data int) string {
	return safetensorsOf(fmt.Sprintf(`{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,%d]},`+
		`"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, data), data)
}

func safetensorsOf(header string, data int) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + strings.Repeat("x", data)
}

const (
	pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n"
	twoOf   = `{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}`
)

func together(maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

func TestModelFiles(t *testing.T) {
	base := map[string]string{"config.json": `{}`, "tokenizer.json": `{}`}
	whole := together(base, map[string]string{"model.safetensors": safetensors(8)})
	tests := []struct {
		name  string
		files map[string]string
		use   ModelUse
		want  []string // path in the folder, problem
	}{
		{"complete", whole, ModelUse{}, nil},
		{"shards with an index", together(base, map[string]string{"model.safetensors.index.json": twoOf,
			"model-00001-of-00002.safetensors": safetensors(8), "model-00002-of-00002.safetensors": safetensors(4)}), ModelUse{}, nil},
		{"shards without an index, from 0", together(base, map[string]string{"m-0-of-2.safetensors": safetensors(8), "m-1-of-2.safetensors": safetensors(4)}), ModelUse{}, nil},
		{"old weights", together(base, map[string]string{"pytorch_model.bin": "x", "training_args.bin": ""}), ModelUse{}, nil},
		{"another index than that of the weights", together(base, map[string]string{"pytorch_model.bin": "x", "model.safetensors.index.json": twoOf}), ModelUse{}, nil},
		{"an index of what was left out", together(whole, map[string]string{"pytorch_model.bin.index.json": `{"weight_map":{"a":"pytorch_model.bin"}}`,
			"other.bin": ""}), ModelUse{}, nil},
		{"the format of Mistral", map[string]string{"params.json": `{}`, "tokenizer.model.v3": "x", "consolidated.safetensors": safetensors(8)}, ModelUse{}, nil},
		{"a tokenizer of its own", map[string]string{"config.json": `{}`, "tokenization_x.py": "x", "model.safetensors": safetensors(8)}, ModelUse{}, nil},
		{"dummy weights", base, ModelUse{NoWeights: true}, nil},
		{"no tokenizer wanted", map[string]string{"config.json": `{}`, "model.safetensors": safetensors(8)}, ModelUse{NoTokenizer: true}, nil},

		{"an empty folder", nil, ModelUse{}, []string{". no config.json",
			". no files of a tokenizer (tokenizer.json, tokenizer.model, tekken.json, vocab.json)", ". no weights (*.safetensors, *.bin, *.pt, *.gguf)"}},
		{"an adapter", map[string]string{"adapter_config.json": `{}`, "adapter_model.safetensors": safetensors(8)}, ModelUse{NoTokenizer: true},
			[]string{". a LoRA adapter (adapter_config.json), not a model"}},
		{"broken configuration", together(whole, map[string]string{"config.json": "{\n"}), ModelUse{},
			[]string{"config.json reading DIR/config.json: line 2: not JSON: unexpected end of JSON input"}},
		{"a configuration that is no object", together(whole, map[string]string{"config.json": "[]"}), ModelUse{},
			[]string{"config.json reading DIR/config.json: the file: got array; allowed: an object"}},
		{"empty files", together(whole, map[string]string{"config.json": "", "vocab.txt": "", "model.safetensors": ""}), ModelUse{},
			[]string{"config.json empty", "vocab.txt empty", "model.safetensors empty"}},
		{"pointers", together(base, map[string]string{"tokenizer.json": pointer, "model.safetensors": pointer}), ModelUse{},
			[]string{"tokenizer.json a pointer to Git's large file storage, not the file itself",
				"model.safetensors a pointer to Git's large file storage, not the file itself"}},
		{"links to nothing", together(whole, map[string]string{"tokenizer.json": "-> blobs/1", "model.safetensors": "-> blobs/2"}), ModelUse{},
			[]string{"tokenizer.json a link to a file that is not there, or may not be read", "model.safetensors a link to a file that is not there, or may not be read"}},
		{"a shard is missing, by the index", together(base, map[string]string{"model.safetensors.index.json": twoOf,
			"model-00001-of-00002.safetensors": safetensors(8)}), ModelUse{}, []string{". weights are missing: model-00002-of-00002.safetensors"}},
		{"all shards are missing", together(base, map[string]string{"model.safetensors.index.json": twoOf}), ModelUse{},
			[]string{". weights are missing: model-00001-of-00002.safetensors, model-00002-of-00002.safetensors"}},
		{"shards are missing, by the names", together(base, map[string]string{"m-03-of-12.bin": "x"}), ModelUse{},
			[]string{". weights are missing: m-01-of-12.bin, m-02-of-12.bin, m-04-of-12.bin, m-05-of-12.bin, m-06-of-12.bin, m-07-of-12.bin, " +
				"m-08-of-12.bin, m-09-of-12.bin, m-10-of-12.bin, m-11-of-12.bin and 1 more"}},
		{"an index that names nothing", together(whole, map[string]string{"model.safetensors.index.json": "{}"}), ModelUse{},
			[]string{"model.safetensors.index.json names no weights (weight_map)"}},
		{"an index that is broken", together(whole, map[string]string{"model.safetensors.index.json": `{"weight_map":["a"]}`}), ModelUse{},
			[]string{"model.safetensors.index.json reading DIR/model.safetensors.index.json: weight_map: got array; allowed: an object"}},
		{"an index that leads away", together(whole, map[string]string{"model.safetensors.index.json": `{"weight_map":{"a":"../x.safetensors"}}`}), ModelUse{},
			[]string{". weights are missing: ../x.safetensors"}},
		{"only what a trainer left", together(base, map[string]string{"optimizer.pt": "x"}), ModelUse{}, []string{". no weights (*.safetensors, *.bin, *.pt, *.gguf)"}},

		{"cut off in the data", together(base, map[string]string{"model.safetensors": safetensors(8)[:len(safetensors(8))-3]}), ModelUse{},
			[]string{"model.safetensors cut off: it lacks 3 bytes"}},
		{"cut off in the header", together(base, map[string]string{"model.safetensors": safetensors(8)[:20]}), ModelUse{},
			[]string{"model.safetensors cut off: it has 20 bytes, its header alone would have 138"}},
		{"cut off before the header", together(base, map[string]string{"model.safetensors": "abc"}), ModelUse{}, []string{"model.safetensors cut off: it has 3 bytes"}},
		{"too long", together(base, map[string]string{"model.safetensors": safetensors(8) + "x"}), ModelUse{},
			[]string{"model.safetensors damaged: it has 1 bytes more than its header tells of"}},
		{"another format", together(base, map[string]string{"model.safetensors": "<!DOCTYPE html>"}), ModelUse{},
			[]string{"model.safetensors damaged, or no safetensors: its header would have 5789751444030890300 bytes"}},
		{"a header that is not JSON", together(base, map[string]string{"model.safetensors": safetensorsOf("nope", 0)}), ModelUse{},
			[]string{"model.safetensors damaged: its header is not JSON"}},
		{"a header without places", together(base, map[string]string{"model.safetensors": safetensorsOf(`{"w":{"data_offsets":[0]}}`, 0)}), ModelUse{},
			[]string{"model.safetensors damaged: its header does not tell where w is"}},
		{"a header with a negative place", together(base, map[string]string{"model.safetensors": safetensorsOf(`{"w":{"data_offsets":[0,-1]}}`, 0)}), ModelUse{},
			[]string{"model.safetensors damaged: its header does not tell where w is"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := modelFiles(t, tt.files)
			var got []string
			for _, f := range ModelFiles(dir, tt.use) {
				path, err := filepath.Rel(dir, f.Path)
				if err != nil || !f.Fatal || f.Advice == "" || strings.HasSuffix(f.Advice, ".") {
					t.Errorf("%+v: %v", f, err)
				}
				got = append(got, path+" "+strings.ReplaceAll(f.Problem, dir, "DIR"))
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// modelFiles is modelFolder with links, as the content "-> target".
func modelFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := modelFolder(t, files)
	for name, content := range files {
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			path := filepath.Join(dir, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestModelFilesOfNoFolder(t *testing.T) {
	got := ModelFiles("/no/such/folder", ModelUse{})
	want := []ModelFinding{{Fatal: true, Path: "/no/such/folder", Problem: "reading the folder: no such file or directory",
		Advice: "check server.model, and who may read it"}}
	if diff := cmp.Diff(got, want, cmpopts.IgnoreUnexported(ModelFinding{})); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add([]byte(safetensors(8)))
	f.Add([]byte(safetensorsOf(`{"w":{"data_offsets":[0,18446744073709551615]}}`, 3)))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"))
	path := filepath.Join(f.TempDir(), "model.safetensors")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkSafetensors(path, int64(len(content)))
		if err != nil {
			return
		}
		if len(content) < 8 || checkSafetensors(path, int64(len(content))+1) == nil {
			t.Errorf("%q is in order", content)
		}
	})
}

// A folder with any names and contents is examined without a panic.
func FuzzModelFiles(f *testing.F) {
	f.Add("model-00001-of-00002.safetensors", twoOf)
	f.Add("m-99999-of-99999.bin", `{"weight_map":{"a":"\u0000/../x"}}`)
	f.Fuzz(func(t *testing.T, name, index string) {
		dir := t.TempDir()
		for file, content := range map[string]string{"model.safetensors.index.json": index, "config.json": index, filepath.Base(name): "x"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Skip(err)
			}
		}
		for _, finding := range ModelFiles(dir, ModelUse{}) {
			if !finding.Fatal || finding.Path == "" || finding.Problem == "" || finding.Advice == "" {
				t.Errorf("got %+v", finding)
			}
		}
		if got := missingShards([]string{name}); len(got) > 100_000 {
			t.Errorf("%q: %d shards are missing", name, len(got))
		}
	})
}
