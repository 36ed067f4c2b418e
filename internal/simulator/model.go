package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What is assumed of a model that is not a folder on this machine.
const (
	defaultVocab  = 32000
	defaultMaxLen = 4096
	defaultEOS    = 2
)

// modelFacts are what the simulator needs to know of a model.
type modelFacts struct {
	vocab        int
	maxLen       int // positions the model was built for
	architecture string
	// eos ends an output with no stop reason; extraEOS come from generation_config.json and are reported as the stop reason.
	eos      []int32
	extraEOS []int32
}

// modelConfig is what we read of config.json; the inner one is that of multi-modal models.
type modelConfig struct {
	Architectures []string        `json:"architectures"`
	Vocab         int             `json:"vocab_size"`
	MaxLen        int             `json:"max_position_embeddings"`
	EOS           json.RawMessage `json:"eos_token_id"`
	Text          *modelConfig    `json:"text_config"`
}

// readModel takes the facts from the model folder's config.json and generation_config.json; a name that is no path keeps the
// defaults. Errors are of type *startError, in vLLM's words.
func readModel(model string) (modelFacts, error) {
	facts := modelFacts{vocab: defaultVocab, maxLen: defaultMaxLen, architecture: "LlamaForCausalLM", eos: []int32{defaultEOS}}
	config, err := readModelConfig(filepath.Join(model, "config.json"))
	if errors.Is(err, fs.ErrNotExist) && !pathLike(model) {
		return facts, nil
	}
	if err != nil {
		return facts, validationFailure("ModelConfig", invalidModel(model))
	}
	if len(config.Architectures) > 0 {
		facts.architecture = config.Architectures[0]
	}
	if config.Text != nil {
		config = *config.Text
	}
	if config.Vocab > 0 {
		facts.vocab = config.Vocab
	}
	if config.MaxLen > 0 {
		facts.maxLen = config.MaxLen
	}
	if ids := tokenIDs(config.EOS); len(ids) > 0 {
		facts.eos = ids[:1]
	}
	if generation, err := readModelConfig(filepath.Join(model, "generation_config.json")); err == nil {
		for _, id := range tokenIDs(generation.EOS) {
			if id != facts.eos[0] {
				facts.extraEOS = append(facts.extraEOS, id)
			}
		}
	}
	return facts, nil
}

func readModelConfig(path string) (modelConfig, error) {
	var config modelConfig
	text, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("reading %s: %w", path, err)
	}
	return config, nil
}

// pathLike tells a folder that should be there from a name on a model hub.
func pathLike(model string) bool {
	if strings.HasPrefix(model, "/") || strings.HasPrefix(model, ".") || strings.HasPrefix(model, "~") {
		return true
	}
	info, err := os.Stat(model)
	return err == nil && info.IsDir() || strings.Count(model, "/") > 1
}

// tokenIDs reads a field that is one id or a list of them.
func tokenIDs(raw json.RawMessage) []int32 {
	var one int32
	if json.Unmarshal(raw, &one) == nil && string(raw) != "null" {
		return []int32{one}
	}
	var many []int32
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
}

func invalidModel(model string) string {
	return fmt.Sprintf("Invalid repository ID or local directory specified: '%s'.\n"+
		"Please verify the following requirements:\n"+
		"1. Provide a valid Hugging Face repository ID.\n"+
		"2. Specify a local directory that contains a recognized configuration file.\n"+
		"   - For Hugging Face models: ensure the presence of a 'config.json'.\n"+
		"   - For Mistral models: ensure the presence of a 'params.json'.\n", model)
}
