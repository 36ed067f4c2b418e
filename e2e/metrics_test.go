//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// delta is by how much the counter name grew between the two snapshots of a pass, over all its series that have every one of
// the labels (such as finished_reason="stop"). A counter that is not there at all fails the test.
func (p *passDir) delta(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	before := readCounter(t, filepath.Join(p.dir, "metrics-before.prom"), name, labels)
	after := readCounter(t, filepath.Join(p.dir, "metrics-after.prom"), name, labels)
	return after - before
}

func readCounter(t *testing.T, path, name string, labels []string) float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := sumCounter(string(text), name, labels)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return sum
}

// sumCounter adds up the series of a counter in Prometheus' text format.
func sumCounter(text, name string, labels []string) (float64, error) {
	sum, found := 0.0, false
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || rest == "" || (rest[0] != '{' && rest[0] != ' ') || !hasAll(rest, labels) {
			continue
		}
		_, value, _ := cutLast(rest, " ")
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("the value of %q: %w", line, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("no counter %s with the labels %q", name, labels)
	}
	return sum, nil
}

func hasAll(series string, labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(series, label) {
			return false
		}
	}
	return true
}
