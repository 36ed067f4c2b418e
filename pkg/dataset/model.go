package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ModelOptions say where ReadModel looks.
type ModelOptions struct {
	// Name is a model folder, as an absolute path, or a Hugging Face name (org/name) that is in the local cache.
	Name string
	// Revision is a branch, tag or commit of a Hugging Face name; empty is the branch main. It means nothing for a folder.
	Revision string
	// LookupEnv gives environment variables, which say where the cache is; nil means none is set.
	LookupEnv func(string) (string, bool)
	// Home is the user's home folder, where the cache is by default.
	Home string
}

// Model are the facts of a model that decide whether prompts fit and where generation stops.
type Model struct {
	// Name is as given, Dir the folder that was read.
	Name string
	Dir  string
	// VocabSize and MaxPositionEmbeddings are those of config.json, in ids; 0 when it does not tell.
	VocabSize             int
	MaxPositionEmbeddings int
	// EOS are the end-of-sequence ids of config.json and generation_config.json, each once, ascending.
	EOS []int32
	// EOT is the id of <|eot_id|> by the tokenizer's files, nil when they have no such token.
	EOT *int32
}

// endOfTurn is the token with which models of the Llama 3 family end an answer.
const endOfTurn = "<|eot_id|>"

// ReadModel reads the facts of a model from its folder. Only config.json must be there; a file that is there must be
// right.
func ReadModel(o ModelOptions) (Model, error) {
	m := Model{Name: o.Name}
	var err error
	if m.Dir, err = modelDir(o); err != nil {
		return Model{}, fmt.Errorf("model %s: %w", o.Name, err)
	}
	for _, read := range []func() error{m.readConfig, m.readGenerationConfig, m.readEndOfTurn} {
		if err := read(); err != nil {
			return Model{}, fmt.Errorf("model %s: %w", o.Name, err)
		}
	}
	return m, nil
}

// StopIDs are the ids at which an answer ends: EOS and EOT, each once, ascending.
func (m Model) StopIDs() []int32 {
	ids := slices.Clone(m.EOS)
	if m.EOT != nil {
		ids = append(ids, *m.EOT)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// modelConfig is the part of config.json that matters here. Models that take more than text keep that of their language
// model in a part of its own.
type modelConfig struct {
	VocabSize             *tokenCount  `json:"vocab_size"`
	MaxPositionEmbeddings *tokenCount  `json:"max_position_embeddings"`
	EOS                   tokenIDs     `json:"eos_token_id"`
	TextConfig            *modelConfig `json:"text_config"`
	LLMConfig             *modelConfig `json:"llm_config"`
	LanguageConfig        *modelConfig `json:"language_config"`
}

func (m *Model) readConfig() error {
	var c modelConfig
	found, err := readJSON(filepath.Join(m.Dir, "config.json"), &c)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s has no config.json; it is not a complete model folder", m.Dir)
	}
	m.take(c)
	for _, part := range []*modelConfig{c.TextConfig, c.LLMConfig, c.LanguageConfig} {
		if part != nil {
			m.take(*part)
		}
	}
	return nil
}

// take takes over what c tells; a later part overrides.
func (m *Model) take(c modelConfig) {
	if c.VocabSize != nil {
		m.VocabSize = int(*c.VocabSize)
	}
	if c.MaxPositionEmbeddings != nil {
		m.MaxPositionEmbeddings = int(*c.MaxPositionEmbeddings)
	}
	m.addEOS(c.EOS)
}

func (m *Model) addEOS(ids []int32) {
	m.EOS = append(m.EOS, ids...)
	slices.Sort(m.EOS)
	m.EOS = slices.Compact(m.EOS)
}

func (m *Model) readGenerationConfig() error {
	var c struct {
		EOS tokenIDs `json:"eos_token_id"`
	}
	_, err := readJSON(filepath.Join(m.Dir, "generation_config.json"), &c)
	m.addEOS(c.EOS)
	return err
}

// readEndOfTurn looks for <|eot_id|> in tokenizer.json and, where that does not have it, in tokenizer_config.json.
func (m *Model) readEndOfTurn() error {
	var tokenizer struct {
		Added []struct {
			ID      *tokenCount `json:"id"`
			Content string      `json:"content"`
		} `json:"added_tokens"`
	}
	if _, err := readJSON(filepath.Join(m.Dir, "tokenizer.json"), &tokenizer); err != nil {
		return err
	}
	for _, t := range tokenizer.Added {
		if t.Content == endOfTurn && t.ID != nil {
			m.EOT = new(int32(*t.ID))
			return nil
		}
	}
	return m.readAddedTokens(filepath.Join(m.Dir, "tokenizer_config.json"))
}

func (m *Model) readAddedTokens(path string) error {
	var config struct {
		Added map[string]struct {
			Content string `json:"content"`
		} `json:"added_tokens_decoder"`
	}
	if _, err := readJSON(path, &config); err != nil {
		return err
	}
	for key, t := range config.Added {
		if t.Content != endOfTurn {
			continue
		}
		id, err := strconv.ParseUint(key, 10, 31)
		if err != nil {
			return fmt.Errorf("%s: the id of %s is %q; allowed: integers from 0 to 2147483647", path, endOfTurn, clip(key))
		}
		m.EOT = new(int32(id))
	}
	return nil
}

// readJSON reads a file into v; found is false, without an error, when there is none.
func readJSON(path string, v any) (found bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, bareCause(err))
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("reading %s: %w", path, jsonProblem(data, err))
	}
	return true, nil
}
