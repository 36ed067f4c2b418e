package orchestrate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// inputs reads the model's facts and the data set, and checks one against the other.
func (c *checker) inputs(ctx context.Context) {
	in, errs := prepare(ctx, c.cfg, c.o)
	if len(errs) == 0 {
		c.found.Inputs = in
	}
	for _, e := range errs {
		c.error(e.Code, e.Step, strings.TrimPrefix(e.Err.Error(), e.Step+" "), e.Hint)
	}
	if text := duplicatesText(in.Prompts); text != "" {
		c.warn(checkDataset, text, "with prefix caching the server computes a prompt once: remove them, if that is not to be measured")
	}
}

// localFormats are the values of load-format with which the weights are files of the model's folder.
var localFormats = []string{"", "auto", "hf", "pt", "safetensors", "npcache", "mistral", "gguf", "bitsandbytes", "fastsafetensors"}

// model checks that the server will find the model, and all of its files.
func (c *checker) model() {
	o := dataset.ModelOptions{Name: c.cfg.Server.Model, LookupEnv: lookupIn(c.env), Home: c.o.Home}
	o.Revision, _ = c.flag("revision")
	format, _ := c.flag("load-format")
	_, ownTokenizer := c.flag("tokenizer")
	_, downloads := c.flag("download-dir")
	use := dataset.ModelUse{
		NoTokenizer: usesSimulator(c.cfg) || ownTokenizer || c.hasFlag("skip-tokenizer-init"),
		NoWeights:   usesSimulator(c.cfg) || !slices.Contains(localFormats, format) || downloads && !filepath.IsAbs(o.Name),
	}
	_, findings := dataset.CheckModel(o, use)
	_, elsewhere := c.flag("hf-config-path")
	certain := c.certain && !elsewhere && valueOf(c.env, "VLLM_USE_MODELSCOPE") == ""
	c.addModelFindings(findings, certain)
}

// addModelFindings leaves out what would only say a second time that the model's facts cannot be read.
func (c *checker) addModelFindings(findings []dataset.ModelFinding, certain bool) {
	fatal := certain && slices.ContainsFunc(findings, func(f dataset.ModelFinding) bool { return f.Fatal })
	if c.sameModel() {
		told := func(f report.Finding) bool { return f.Check == checkModel }
		switch {
		case fatal:
			c.found.Findings = slices.DeleteFunc(c.found.Findings, told)
		case slices.ContainsFunc(c.found.Findings, told):
			return
		}
	}
	for _, f := range findings {
		text := f.Path + ": " + f.Problem
		switch {
		case !f.Fatal || c.certain && !certain:
			c.warn(checkModel, text, f.Advice)
		default:
			c.presume(ExitRecipe, checkModel, text, f.Advice)
		}
	}
}

// sameModel tells whether the facts were read from the server's own model.
func (c *checker) sameModel() bool {
	return cmp.Or(c.cfg.Dataset.Tokenizer, c.cfg.Server.Model) == c.cfg.Server.Model
}

// adapters checks the LoRA adapters that are folders of this machine. The simulator reads none.
func (c *checker) adapters() {
	for _, value := range c.flagValues("lora-modules") {
		name, path, err := loraModule(value)
		if err != nil {
			c.presume(ExitRecipe, checkLoRA, err.Error(), "correct lora-modules in server.args")
			continue
		}
		if usesSimulator(c.cfg) {
			continue
		}
		if problem := c.adapterProblem(path); problem != "" {
			c.presume(ExitRecipe, checkLoRA, fmt.Sprintf("adapter %s: %s: %s", name, path, problem),
				"correct its path in lora-modules, or complete the folder")
		}
	}
}

// loraModule reads a value of the flag lora-modules: name=path, or a JSON object with both.
func loraModule(value string) (name, path string, err error) {
	if !strings.Contains(value, ",") && !strings.HasPrefix(strings.TrimSpace(value), "{") {
		name, path, _ = strings.Cut(value, "=")
	} else {
		var module struct{ Name, Path string }
		if err := json.Unmarshal([]byte(value), &module); err != nil {
			return "", "", fmt.Errorf("lora-modules: got %.100q; allowed name=path, or JSON with name and path", value)
		}
		name, path = module.Name, module.Path
	}
	if name == "" || path == "" {
		return "", "", fmt.Errorf("lora-modules: got %.100q; allowed name=path, or JSON with name and path", value)
	}
	return name, path, nil
}

// hubName is what can be downloaded from the Hugging Face hub.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

// adapterWeights are the files that vLLM looks for.
var adapterWeights = []string{"adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt"}

// adapterProblem says what an adapter's folder lacks; empty for a complete one, and for one that is to be downloaded.
func (c *checker) adapterProblem(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		path = filepath.Join(c.o.Home, rest)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && hubName.MatchString(path):
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "no such folder"
	case err != nil:
		return errors.Unwrap(err).Error()
	case !info.IsDir():
		return "not a folder"
	case !exists(filepath.Join(path, "adapter_config.json")):
		return "no adapter_config.json in it"
	case !slices.ContainsFunc(adapterWeights, func(name string) bool { return exists(filepath.Join(path, name)) }):
		return "no weights in it (" + strings.Join(adapterWeights, ", ") + ")"
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
