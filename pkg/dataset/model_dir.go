package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// hubName is a model's name on the Hugging Face hub, with or without its organisation.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$`)

// revision is the name of a snapshot folder.
var revision = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// commit is a revision that is the name of its snapshot.
var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// modelDir finds the folder of a model.
func modelDir(o ModelOptions) (string, error) {
	if o.Name == "" {
		return "", errors.New("no name; allowed: the absolute path of a model folder, or a Hugging Face name")
	}
	if filepath.IsAbs(o.Name) {
		return o.Name, checkDir(o.Name)
	}
	if !hubName.MatchString(o.Name) {
		return "", errors.New("neither the absolute path of a model folder nor a Hugging Face name such as org/name")
	}
	return cachedSnapshot(hubCache(o), o.Name, cmp.Or(o.Revision, "main"))
}

func checkDir(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("opening the model folder: %w", bareCause(err))
	}
	if !info.IsDir() {
		return errors.New("not a folder")
	}
	return nil
}

// notCachedError says that nothing of a model is in the local cache.
type notCachedError struct{ cache, name string }

func (e *notCachedError) Error() string {
	return fmt.Sprintf("not in the local Hugging Face cache %s; download it first (hf download %s), or set dataset.tokenizer to "+
		"a folder with its config.json", e.cache, e.name)
}

// cachedSnapshot finds the folder of what a revision pointed to when the model was last downloaded.
func cachedSnapshot(cache, name, rev string) (string, error) {
	repo := filepath.Join(cache, "models--"+strings.ReplaceAll(name, "/", "--"))
	if checkDir(repo) != nil {
		return "", &notCachedError{cache, name}
	}
	if !filepath.IsLocal(rev) {
		return "", fmt.Errorf("the revision is %q; allowed: a branch, a tag or a commit", clip(rev))
	}
	download := "hf download " + name
	if rev != "main" {
		download += " --revision " + rev
	}
	if !commit.MatchString(rev) {
		ref := filepath.Join(repo, "refs", rev)
		data, err := os.ReadFile(ref)
		if err != nil {
			return "", fmt.Errorf("the local Hugging Face cache has it without its %s revision: reading %s: %w; download it "+
				"again (%s)", rev, ref, bareCause(err), download)
		}
		if rev = strings.TrimSpace(string(data)); !revision.MatchString(rev) {
			return "", fmt.Errorf("%s holds %q; allowed: the name of a revision", ref, clip(rev))
		}
	}
	dir := filepath.Join(repo, "snapshots", rev)
	if err := checkDir(dir); err != nil {
		return "", fmt.Errorf("the local Hugging Face cache lacks %s; download it again (%s)", dir, download)
	}
	return dir, nil
}

// offline tells whether the libraries are told not to download anything.
func (o ModelOptions) offline() bool {
	if o.LookupEnv == nil {
		return false
	}
	for _, key := range []string{"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		v, _ := o.LookupEnv(key)
		if slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(v)) {
			return true
		}
	}
	return false
}

// hubCache is the folder of downloaded models, by the variables that the huggingface_hub library goes by, in its order.
// Empty variables count as unset.
func hubCache(o ModelOptions) string {
	env := func(key string) string {
		if o.LookupEnv == nil {
			return ""
		}
		v, _ := o.LookupEnv(key)
		if rest, ok := strings.CutPrefix(v, "~/"); ok {
			return filepath.Join(o.Home, rest)
		}
		return v
	}
	for _, key := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"} {
		if dir := env(key); dir != "" {
			return dir
		}
	}
	if dir := env("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub")
	}
	if dir := env("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface", "hub")
	}
	return filepath.Join(o.Home, ".cache", "huggingface", "hub")
}
