package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSelftestFigures: what a selftest says follows from the client's records and the server's own notes, computed by a script
// that has no code of ours.
func TestSelftestFigures(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	dir := t.TempDir()
	cmd := exec.Command("sqzb-orchestrate", "selftest", "--concurrency", "2,8", "--interval", "10ms", "--duration", "500ms",
		"--keep", dir, "--json")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
	result, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "result.json")
	check := func(result []byte) (string, error) {
		if err := os.WriteFile(file, result, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "../../bench/check_selftest.py", file, dir).CombinedOutput()
		return string(out), err
	}
	if out, err := check(result); err != nil || strings.Count(out, ": agrees") != 2 {
		t.Errorf("got %v, want two levels that agree:\n%s", err, out)
	}
	spoiled := bytes.Replace(result, []byte(`"events": 400`), []byte(`"events": 401`), 1)
	if out, err := check(spoiled); err == nil || !strings.Contains(out, "events: 401 in the result, recomputed 400") {
		t.Errorf("spoiled: got %v:\n%s", err, out)
	}
}

// TestBenchScripts: the comparison with other clients runs, and counts what was sent. How exact they are is not looked at here.
func TestBenchScripts(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	self, err := exec.LookPath("sqzb-orchestrate")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../../bench/clients.py", "--binary", self, "--tools", "ours,aiohttp", "--streams", "4", "--duration", "1")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "GORACE=atexit_sleep_ms=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	row := func(tool string) bool {
		return regexp.MustCompile(`(?m)^\| ` + tool + ` \| 4 \| .* \| 0 \| [0-9.]+ \| [0-9.]+ \|$`).Match(out)
	}
	if !row("sqzb-orchestrate") {
		t.Errorf("no row of ours:\n%s", out)
	}
	if !row("aiohttp") && !strings.Contains(stderr.String(), "aiohttp is left out") {
		t.Errorf("neither a row of aiohttp nor a word about it:\n%s\n%s", out, &stderr)
	}
}
