package orchestrate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// TestReplayScript runs the script: the program gets the very arguments and environment, once the secrets are given.
func TestReplayScript(t *testing.T) {
	rec := server.LaunchRecord{
		Argv: []string{"/bin/sh", "-c", `printf '[%s]' "$0" "$@"; printf '\n'; env`, "it's", "--a", `{"b": "$c"}`, "--api-key",
			"hush", "--hf-token=hush2", ""},
		Env: []string{"EMPTY=", "HF_TOKEN=hush3", "MULTI=a\nb", "QUOTE=it's $HOME `x`"},
	}
	script := replayScript("m@run-full", rec)
	if strings.Contains(string(script), "hush") {
		t.Fatalf("a secret is in the script:\n%s", script)
	}
	path := filepath.Join(t.TempDir(), "replay.sh")
	if err := os.WriteFile(path, script, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path).CombinedOutput(); err == nil || !strings.Contains(string(out), "HF_TOKEN") {
		t.Errorf("without the secrets: got %v, %s; want an error that names HF_TOKEN", err, out)
	}
	cmd := exec.Command(path)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HF_TOKEN=hush3", "SECRET_7=hush", "SECRET_8=hush2"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	argv, environ, _ := strings.Cut(string(out), "\n")
	if diff := cmp.Diff(`[it's][--a][{"b": "$c"}][--api-key][hush][--hf-token=hush2][]`, argv); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	for _, entry := range rec.Env {
		if !strings.Contains("\n"+environ, "\n"+entry+"\n") {
			t.Errorf("environment: no %q in\n%s", entry, environ)
		}
	}
}
