package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The names of the files in a run directory. The last eight are in the folder of a pass (PassFull, PassSummarization).
const (
	ManifestFile      = "manifest.json"
	RecipeFile        = "recipe.yaml"
	SummaryJSONFile   = "summary.json"
	SummaryTextFile   = "summary.txt"
	RecordsFile       = "records.jsonl"
	ServerLogFile     = "server.log"
	MetricsBeforeFile = "metrics-before.prom"
	MetricsAfterFile  = "metrics-after.prom"
	MetricsDuringFile = "metrics-during.jsonl"
	TimingsFile       = "timings.jsonl"
	ClientFile        = "client.json"
	GPUFile           = "gpu.json"
)

// LatestLink is the name of the symbolic link beside the run directories that points to the newest one.
const LatestLink = "latest"

// WriteFile writes data to path so that path holds either what it held before or all of data, also after a crash: a
// temporary file beside it, flushed to the disk, then renamed. The folder must exist.
func WriteFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := writeSynced(tmp, data); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("writing %s: %w", path, err)
	}
	syncFolder(filepath.Dir(path))
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a rename last over a power cut. Some network file systems refuse it, and there the file is still whole
// under one of its two names, so the error says nothing that a user could act on.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// WriteManifest writes m as manifest.json into the run directory dir.
func WriteManifest(dir string, m Manifest) error {
	data, err := encodeJSON(m)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", ManifestFile, err)
	}
	return WriteFile(filepath.Join(dir, ManifestFile), data)
}

// ReadManifest reads manifest.json of the run directory dir. A version of the format that this program does not know is
// refused, and the error names both.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	m, err := decodeManifest(path, data)
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	return m, nil
}

func decodeManifest(path string, data []byte) (Manifest, error) {
	// The version comes first: another version may give any other key another type.
	var version struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", position(path, data, err), err)
	}
	if err := checkSchema(version.Schema); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	// What an older program did not write had the default.
	m := Manifest{Thresholds: DefaultThresholds()}
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", position(path, data, err), err)
	}
	return m, nil
}

// checkSchema refuses a version of the format that this program does not know.
func checkSchema(version *int) error {
	switch {
	case version == nil:
		return fmt.Errorf("no schema version; this program reads versions %d to %d", oldestSchema, SchemaVersion)
	case *version < oldestSchema || *version > SchemaVersion:
		return fmt.Errorf("schema version %d; this program reads versions %d to %d", *version, oldestSchema, SchemaVersion)
	}
	return nil
}

// position is file:line of a JSON error, or the file alone when the error does not tell where.
func position(path string, data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(-1)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	if offset < 0 || offset > int64(len(data)) {
		return path
	}
	return fmt.Sprintf("%s:%d", path, 1+bytes.Count(data[:offset], []byte("\n")))
}

// WriteReports writes summary.json and summary.txt of s into the run directory dir.
func WriteReports(dir string, s Summary) error {
	return errors.Join(
		WriteFile(filepath.Join(dir, SummaryJSONFile), JSON(s)),
		WriteFile(filepath.Join(dir, SummaryTextFile), Text(s)),
	)
}

// Resolve finds the run directory that a user means by path: a run directory, the link to the latest one, or the folder
// above, which stands for its latest run. Links are followed, so that the result names the run itself.
func Resolve(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("finding the run: %w", err)
	}
	isRun, err := holdsManifest(dir)
	if err != nil || isRun {
		return dir, err
	}
	latest, err := filepath.EvalSymlinks(filepath.Join(dir, LatestLink))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("finding the run: %s has neither %s nor a link %q that leads to a run; "+
			"give a run directory, <output>/<name>/<run id>, or the folder above it", path, ManifestFile, LatestLink)
	}
	if err != nil {
		return "", fmt.Errorf("finding the run: %w", err)
	}
	if isRun, err = holdsManifest(latest); err != nil || isRun {
		return latest, err
	}
	return "", fmt.Errorf("finding the run: %s has no %s", latest, ManifestFile)
}

func holdsManifest(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return false, fmt.Errorf("finding the run: %w", err)
	}
	if !info.IsDir() {
		return false, fmt.Errorf("finding the run: %s is a file; give the run directory", dir)
	}
	_, err = os.Stat(filepath.Join(dir, ManifestFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("finding the run: %w", err)
	}
	return err == nil, nil
}
