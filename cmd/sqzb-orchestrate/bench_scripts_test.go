package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

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
