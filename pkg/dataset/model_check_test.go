package dataset

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	oldCommit = "0123456789abcdef0123456789abcdef01234567"
	newCommit = "fedcba9876543210fedcba9876543210fedcba98"
)

// hubFiles are those of a cache with a complete org/whole, of which the branch main and pr/1 point to different commits, and
// an org/config of which only the configuration was fetched.
var hubFiles = map[string]string{
	"models--org--whole/refs/main":                                     newCommit,
	"models--org--whole/refs/refs/pr":                                  oldCommit,
	"models--org--whole/snapshots/" + newCommit + "/config.json":       `{}`,
	"models--org--whole/snapshots/" + newCommit + "/tokenizer.json":    `{}`,
	"models--org--whole/snapshots/" + newCommit + "/model.safetensors": safetensors(8),
	"models--org--whole/snapshots/" + oldCommit + "/config.json":       `{}`,
	"models--org--whole/snapshots/" + oldCommit + "/tokenizer.json":    ``,
	"models--org--config/refs/main":                                    oldCommit,
	"models--org--config/snapshots/" + oldCommit + "/config.json":      `{}`,
	"models--org--hollow/blobs/1":                                      `{}`,
}

func TestCheckModelByName(t *testing.T) {
	hub := t.TempDir()
	writeFiles(t, hub, hubFiles)
	snapshot := func(name, rev string) string {
		return filepath.Join(hub, "models--org--"+name, "snapshots", rev)
	}
	const fetches = "the server will fetch it during its start, within server.ready_timeout, if it has access; to have it beforehand: "
	const offline = "downloads are switched off (HF_HUB_OFFLINE): fetch it beforehand with "
	const noTokenizer = "no files of a tokenizer (tokenizer.json, tokenizer.model, tekken.json, vocab.json)"
	const noWeights = "no weights (*.safetensors, *.bin, *.pt, *.gguf)"
	tests := []struct {
		name, revision string
		env            map[string]string
		dir            string
		want           []ModelFinding
	}{
		{"org/whole", "", nil, snapshot("whole", newCommit), nil},
		{"org/whole", "main", map[string]string{"HF_HUB_OFFLINE": "1"}, snapshot("whole", newCommit), nil},
		// What is there but unusable is not fetched again.
		{"org/whole", oldCommit, nil, snapshot("whole", oldCommit), []ModelFinding{
			{Fatal: true, Path: snapshot("whole", oldCommit) + "/tokenizer.json", Problem: "empty", Advice: downloadIt},
			{Path: snapshot("whole", oldCommit), Problem: noWeights, Advice: fetches + "hf download org/whole --revision " + oldCommit}}},
		{"org/config", "", map[string]string{"HF_HUB_OFFLINE": "0"}, snapshot("config", oldCommit), []ModelFinding{
			{Path: snapshot("config", oldCommit), Problem: noTokenizer, Advice: fetches + "hf download org/config"},
			{Path: snapshot("config", oldCommit), Problem: noWeights, Advice: fetches + "hf download org/config"}}},
		{"org/config", "", map[string]string{"TRANSFORMERS_OFFLINE": "yes"}, snapshot("config", oldCommit), []ModelFinding{
			{Fatal: true, Path: snapshot("config", oldCommit), Problem: noTokenizer, Advice: offline + "hf download org/config"},
			{Fatal: true, Path: snapshot("config", oldCommit), Problem: noWeights, Advice: offline + "hf download org/config"}}},
		{"org/none", "", nil, "", []ModelFinding{
			{Path: "org/none", Problem: "not in the local Hugging Face cache " + hub, Advice: fetches + "hf download org/none"}}},
		{"org/none", "", map[string]string{"HF_HUB_OFFLINE": "True"}, "", []ModelFinding{
			{Fatal: true, Path: "org/none", Problem: "not in the local Hugging Face cache " + hub, Advice: offline + "hf download org/none"}}},
		{"org/whole", "v2", nil, "", []ModelFinding{
			{Path: "org/whole", Problem: "the local Hugging Face cache has it without its v2 revision: reading " + hub + "/models--org--whole/refs/v2: " +
				"no such file or directory; download it again (hf download org/whole --revision v2)", Advice: fetches + "hf download org/whole --revision v2"}}},
		{"org/whole", "../../main", nil, "", []ModelFinding{
			{Fatal: true, Path: "org/whole", Problem: `the revision is "../../main"; allowed: a branch, a tag or a commit`, Advice: "correct revision in server.args"}}},
		{"no name", "", nil, "", []ModelFinding{{Fatal: true, Path: "no name", Problem: "neither the absolute path of a model folder nor a Hugging Face " +
			"name such as org/name", Advice: "check server.model"}}},
		{"s3://bucket/model", "", nil, "", nil},
		{"org/model-GGUF:Q4_K_M", "", nil, "", nil},
	}
	for _, tt := range tests {
		lookup := func(key string) (string, bool) {
			if key == "HF_HUB_CACHE" {
				return hub, true
			}
			v, ok := tt.env[key]
			return v, ok
		}
		dir, got := CheckModel(ModelOptions{Name: tt.name, Revision: tt.revision, LookupEnv: lookup}, ModelUse{})
		if diff := cmp.Diff(got, tt.want, cmpopts.IgnoreUnexported(ModelFinding{})); diff != "" || dir != tt.dir {
			t.Errorf("%s at %q, %v: folder %q, want %q (-got +want):\n%s", tt.name, tt.revision, tt.env, dir, tt.dir, diff)
		}
	}
}

// A branch's name may have slashes.
func TestReadModelAtARevision(t *testing.T) {
	hub := t.TempDir()
	writeFiles(t, hub, hubFiles)
	lookup := func(string) (string, bool) { return hub, true }
	for rev, want := range map[string]string{"": newCommit, "main": newCommit, "refs/pr": oldCommit, oldCommit: oldCommit} {
		m, err := ReadModel(ModelOptions{Name: "org/whole", Revision: rev, LookupEnv: lookup})
		if rev == "refs/pr" || rev == oldCommit {
			// Its tokenizer.json is empty.
			if err == nil || !strings.Contains(err.Error(), want+"/tokenizer.json: line 1: not JSON") {
				t.Errorf("revision %q: got %v", rev, err)
			}
			continue
		}
		if err != nil || filepath.Base(m.Dir) != want {
			t.Errorf("revision %q: got %q, %v; want %s", rev, m.Dir, err, want)
		}
	}
}

func TestCheckModelByPath(t *testing.T) {
	dir := modelFolder(t, map[string]string{"m.gguf": "GGUF", "empty.gguf": "", "m.safetensors": safetensors(4), "folder/config.json": `{}`})
	tests := []struct {
		path string
		dir  string
		want []string
	}{
		{dir + "/m.gguf", "", nil},
		{dir + "/empty.gguf", "", []string{"empty"}},
		{dir + "/m.safetensors", "", []string{"not a folder"}},
		{dir + "/gone", "", []string{"opening the model folder: no such file or directory"}},
		{dir + "/folder", dir + "/folder", []string{"no files of a tokenizer (tokenizer.json, tokenizer.model, tekken.json, vocab.json)",
			"no weights (*.safetensors, *.bin, *.pt, *.gguf)"}},
	}
	for _, tt := range tests {
		found, findings := CheckModel(ModelOptions{Name: tt.path}, ModelUse{})
		var got []string
		for _, f := range findings {
			if !f.Fatal || !strings.HasPrefix(f.Path, tt.path) {
				t.Errorf("%s: got %+v", tt.path, f)
			}
			got = append(got, f.Problem)
		}
		if diff := cmp.Diff(got, tt.want); diff != "" || found != tt.dir {
			t.Errorf("%s: folder %q, want %q (-got +want):\n%s", tt.path, found, tt.dir, diff)
		}
	}
}
