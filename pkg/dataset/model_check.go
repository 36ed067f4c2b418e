package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ModelUse says what a server needs of a model. The zero value is an ordinary server, which loads tokenizer and weights.
type ModelUse struct {
	// NoTokenizer is true where it loads none (skip-tokenizer-init), or that of another model (tokenizer).
	NoTokenizer bool
	// NoWeights is true where it makes its weights up (load-format dummy).
	NoWeights bool
}

// ModelFinding is something about a model's files that a server would stumble over.
type ModelFinding struct {
	// Fatal is true where the server cannot start as things are.
	Fatal bool
	// Path is the file or folder that it is about; of a model that was not found, its name.
	Path string
	// Problem says what is wrong, Advice what to do about it, each as a clause without a full stop.
	Problem string
	Advice  string

	// missing is true where a download would bring what there is not.
	missing bool
}

// CheckModel looks for the model that a server is to load, where the server will, and checks its files as ModelFiles does.
// dir is its folder, empty where there is none, or none that can be looked into: a name that the server knows how to read
// (s3://bucket/model, org/name:Q4_K_M) is left to it.
//
// What is missing of a Hugging Face name is fatal only where the environment forbids downloads (HF_HUB_OFFLINE,
// TRANSFORMERS_OFFLINE): otherwise the server will fetch it when it starts.
func CheckModel(o ModelOptions, use ModelUse) (dir string, findings []ModelFinding) {
	local := filepath.IsAbs(o.Name)
	if !local && strings.Contains(o.Name, ":") {
		return "", nil
	}
	if info, err := os.Stat(o.Name); local && err == nil && info.Mode().IsRegular() {
		return "", checkModelFile(o.Name)
	}
	dir, err := modelDir(o)
	if err != nil {
		return "", []ModelFinding{notFound(o, err)}
	}
	findings = ModelFiles(dir, use)
	if local {
		return dir, findings
	}
	for i, f := range findings {
		if f.missing {
			findings[i] = fetched(f, o)
		}
	}
	return dir, findings
}

// notFound is the finding for a model without a folder.
func notFound(o ModelOptions, err error) ModelFinding {
	f := ModelFinding{Fatal: true, Path: o.Name, Problem: err.Error(), Advice: "check server.model"}
	if e, ok := errors.AsType[*notCachedError](err); ok {
		f.Problem = "not in the local Hugging Face cache " + e.cache
	}
	if o.Revision != "" && !filepath.IsLocal(o.Revision) {
		f.Advice = "correct revision in server.args"
		return f
	}
	if !filepath.IsAbs(o.Name) && hubName.MatchString(o.Name) {
		return fetched(f, o)
	}
	return f
}

// fetched is a finding that a download settles.
func fetched(f ModelFinding, o ModelOptions) ModelFinding {
	download := "hf download " + o.Name
	if o.Revision != "" {
		download += " --revision " + o.Revision
	}
	if f.Fatal = o.offline(); f.Fatal {
		f.Advice = fmt.Sprintf("downloads are switched off (HF_HUB_OFFLINE): fetch it beforehand with %s", download)
		return f
	}
	f.Advice = fmt.Sprintf("the server will fetch it during its start, within server.ready_timeout, if it has access; to have it "+
		"beforehand: %s", download)
	return f
}

// checkModelFile checks a model that is a single file.
func checkModelFile(path string) []ModelFinding {
	if filepath.Ext(path) != ".gguf" {
		return []ModelFinding{{Fatal: true, Path: path, Problem: "not a folder", Advice: "name the folder that has the model's " +
			"config.json, or a .gguf file"}}
	}
	m := fileCheck{dir: filepath.Dir(path)}
	m.list()
	m.checkWeights([]string{filepath.Base(path)})
	return m.findings
}
