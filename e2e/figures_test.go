//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkFigures has every figure of summary.json made anew by check_summary.py.
func checkFigures(t *testing.T, p *program, r *runDir) {
	status, said := checkSummaries(t, p, r.dir)
	if status != 0 || !strings.Contains(said, r.dir+": ") || !strings.Contains(said, "numbers agree") {
		t.Errorf("check_summary.py: exit %d, want 0 and that all numbers agree", status)
	}
	t.Log(said)
}

// spoiled are ways to make one thing wrong in a run directory, and how the difference begins that check_summary.py must tell.
var spoiled = []struct {
	name  string
	spoil func(t *testing.T, dir string)
	want  string
}{
	{"a key is gone", inSummary(func(s map[string]any) { delete(s, "mean_running_batch") }), "mean_running_batch: missing"},
	{"a key nobody knows", inSummary(func(s map[string]any) { s["goodput"] = 1 }), "goodput: in summary.json, and"},
	{"a part of a distribution is gone", inSummary(func(s map[string]any) { delete(inner(s, "icl_ms"), "p95") }), "icl_ms.p95: missing"},
	{"a number is absent", inSummary(func(s map[string]any) { inner(s, "ttft_ms")["median"] = nil }), "ttft_ms.median: None"},
	{"one token too many", inSummary(func(s map[string]any) { nudge(s, "total_input_tokens", 1) }), "total_input_tokens: "},
	{"the ninth digit", inSummary(func(s map[string]any) {
		d := inner(inner(s, "summarization"), "queue_ms")
		nudge(d, "p99", 2e-9*d["p99"].(float64))
	}), "summarization.queue_ms.p99: "},
	{"another verdict", inSummary(func(s map[string]any) { s["verdict"] = "suspect" }), "verdict: suspect"},
	{"another record", inFile("full/records.jsonl", `"last_token_ns":`, `"last_token_ns":1`), "e2el_ms.mean: "},
	{"another time of the server", inFile("summarization/records.jsonl", `"queue_ms":`, `"queue_ms":1`), "summarization.queue_ms.mean: "},
	{"another lag", inFile("full/records.jsonl", `"chunk_lags_us":[`, `"chunk_lags_us":[99999,`), "client.full.lag_ms.mean: "},
	{"another time of the client's", inFile("full/client.json", `"wall_s": `, `"wall_s": 1`), "client.full.cpu_share: "},
	{"another counter", inFile("full/metrics-after.prom", "\nvllm:prompt_tokens_total{", "\nvllm:prompt_tokens_total 1\nvllm:prompt_tokens_total{"),
		"proof.full.prompt_tokens: "},
	{"another fact", inFile("manifest.json", `"vocab_size": `, `"vocab_size": 1`), "model.vocab_size: "},
}

// checkSpoiled has check_summary.py look at copies of a run directory in which one thing is wrong. The times of the run must
// stand in its records.
func checkSpoiled(t *testing.T, p *program, r *runDir) {
	var dirs []string
	for _, row := range spoiled {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(r.dir)); err != nil {
			t.Fatal(err)
		}
		row.spoil(t, dir)
		dirs = append(dirs, dir)
	}
	status, said := checkSummaries(t, p, dirs...)
	if status != 1 {
		t.Errorf("check_summary.py: exit %d, want 1", status)
	}
	for i, row := range spoiled {
		_, of, found := strings.Cut(said, dirs[i]+": ")
		of, _, _ = strings.Cut(of, "\n/")
		if !found || !strings.Contains(of, "\n  "+row.want) {
			t.Errorf("%s: check_summary.py does not tell of %q:\n%s", row.name, row.want, of)
		}
	}
}

// checkSummaries runs check_summary.py on run directories, as a user would.
func checkSummaries(t *testing.T, p *program, dirs ...string) (status int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.python, append([]string{"-W", "error", "check_summary.py"}, dirs...)...)
	// Else Python compiles all of pandas anew, see testdata/faults.yaml.
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=")
	output, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("check_summary.py: %v", err)
	}
	return cmd.ProcessState.ExitCode(), string(bytes.TrimSpace(output))
}

// inSummary changes summary.json.
func inSummary(change func(s map[string]any)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		var s map[string]any
		path := filepath.Join(dir, "summary.json")
		decode(t, path, &s)
		change(s)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// inFile replaces a text where it stands for the first time.
func inFile(name, before, after string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(before)) {
			t.Fatalf("%s has no %s", name, before)
		}
		if err := os.WriteFile(path, bytes.Replace(text, []byte(before), []byte(after), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func inner(s map[string]any, key string) map[string]any { return s[key].(map[string]any) }

func nudge(s map[string]any, key string, by float64) { s[key] = s[key].(float64) + by }
