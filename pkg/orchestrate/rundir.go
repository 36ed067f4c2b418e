package orchestrate

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// newRunID names a run: its start in UTC, so that run directories sort by time, and a few random digits.
func newRunID(now time.Time) (string, error) {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("choosing a run id: %w", err)
	}
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:]), nil
}

// openRunDir makes <output>/<name>/<run id> with the folders of both passes.
func openRunDir(output, name, runID string) (string, error) {
	dir := filepath.Join(output, name, runID)
	for _, sub := range []string{report.PassFull, report.PassSummarization} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return "", fmt.Errorf("making the run directory: %w", err)
		}
	}
	return dir, nil
}

// pointLatest makes the link "latest" beside the run directories point to the newest one, in one step.
func pointLatest(dir string) error {
	parent, id := filepath.Split(dir)
	tmp := filepath.Join(parent, ".latest-"+id)
	if err := os.Symlink(id, tmp); err != nil {
		return fmt.Errorf("linking the latest run: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(parent, report.LatestLink)); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("linking the latest run: %w", err)
	}
	return nil
}
