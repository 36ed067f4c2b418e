package dataset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ModelFiles checks that a folder has what a server needs of a model: the configuration, the files of a tokenizer, and all
// weights, none of them cut off or a mere pointer to Git's large file storage. Only the heads of weights are read. All that is
// found is returned, in a fixed order; nothing for a folder that is complete.
func ModelFiles(dir string, use ModelUse) []ModelFinding {
	m := fileCheck{dir: dir}
	if err := m.list(); err != nil {
		return []ModelFinding{{Fatal: true, Path: dir, Problem: fmt.Sprintf("reading the folder: %v", bareCause(err)),
			Advice: "check server.model, and who may read it"}}
	}
	m.checkConfig()
	if !use.NoTokenizer {
		m.checkTokenizer()
	}
	if !use.NoWeights {
		m.checkAllWeights()
	}
	return m.findings
}

// fileCheck is the examination of a folder.
type fileCheck struct {
	dir string
	// sizes are the regular files and links to such, in bytes; -1 for a link to nothing.
	sizes    map[string]int64
	findings []ModelFinding
}

// What to do about files that are missing, and about files that are damaged.
const (
	completeIt  = "download or copy the model again, all of its files"
	downloadIt  = "download the file again"
	pullWithLFS = "git lfs pull in the model's folder, or hf download, brings the files themselves"
)

func (m *fileCheck) list() error {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return err
	}
	m.sizes = map[string]int64{}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(m.dir, e.Name()))
		switch {
		case err != nil:
			m.sizes[e.Name()] = -1
		case info.Mode().IsRegular():
			m.sizes[e.Name()] = info.Size()
		}
	}
	return nil
}

// has tells whether a file is there, with a content or without.
func (m *fileCheck) has(name string) bool {
	_, found := m.sizes[name]
	return found
}

// named are the files, in order, for which the condition holds.
func (m *fileCheck) named(condition func(name string) bool) []string {
	var names []string
	for name := range m.sizes {
		if condition(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *fileCheck) report(f ModelFinding) {
	f.Fatal = true
	m.findings = append(m.findings, f)
}

// checkConfig wants config.json, or params.json in the format of Mistral.
func (m *fileCheck) checkConfig() {
	switch {
	case m.has("config.json"):
		if !m.usable("config.json") {
			return
		}
		var config struct{}
		if _, err := readJSON(filepath.Join(m.dir, "config.json"), &config); err != nil {
			m.report(ModelFinding{Path: filepath.Join(m.dir, "config.json"), Problem: err.Error(), Advice: downloadIt})
		}
	case m.has("params.json"):
		m.usable("params.json")
	case m.has("adapter_config.json"):
		m.report(ModelFinding{Path: m.dir, Problem: "a LoRA adapter (adapter_config.json), not a model",
			Advice: "name the model it was made for in server.model"})
	default:
		m.report(ModelFinding{Path: m.dir, Problem: "no config.json", Advice: completeIt, missing: true})
	}
}

// checkTokenizer wants any of the files that tokenizers are made of. What it does not know may still be one where the model
// brings code of its own.
func (m *fileCheck) checkTokenizer() {
	files := m.named(isTokenizer)
	if len(files) == 0 && len(m.named(isTokenizerCode)) == 0 {
		m.report(ModelFinding{Path: m.dir, Problem: "no files of a tokenizer (tokenizer.json, tokenizer.model, tekken.json, vocab.json)",
			Advice: completeIt + "; or name a tokenizer in server.args", missing: true})
	}
	for _, name := range files {
		m.usable(name)
	}
}

func isTokenizer(name string) bool {
	switch name {
	case "tokenizer.json", "tekken.json", "vocab.json", "vocab.txt":
		return true
	}
	// tokenizer.model, tokenizer.model.v3, spiece.model, sentencepiece.bpe.model, qwen.tiktoken
	return strings.HasSuffix(name, ".model") || strings.HasPrefix(name, "tokenizer.model.v") || strings.HasSuffix(name, ".tiktoken")
}

func isTokenizerCode(name string) bool {
	return strings.HasPrefix(name, "token") && strings.HasSuffix(name, ".py")
}

// lfsPointer is how a file begins that Git has put in place of a large one.
var lfsPointer = []byte("version https://git-lfs.github.com/spec/")

// usable reports a file that is empty, no file at all, or a pointer.
func (m *fileCheck) usable(name string) bool {
	path := filepath.Join(m.dir, name)
	size := m.sizes[name]
	if size < 0 {
		m.report(ModelFinding{Path: path, Problem: "a link to a file that is not there, or may not be read", Advice: completeIt,
			missing: true})
		return false
	}
	if size == 0 {
		m.report(ModelFinding{Path: path, Problem: "empty", Advice: downloadIt})
		return false
	}
	head, err := readHead(path, len(lfsPointer))
	if err != nil {
		m.report(ModelFinding{Path: path, Problem: fmt.Sprintf("reading it: %v", bareCause(err)), Advice: "check who may read it"})
		return false
	}
	if bytes.Equal(head, lfsPointer) {
		m.report(ModelFinding{Path: path, Problem: "a pointer to Git's large file storage, not the file itself", Advice: pullWithLFS})
		return false
	}
	return true
}
