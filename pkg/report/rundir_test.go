package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, text := range []string{"longer at first", "short"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v; want nothing beside the file", entries, err)
	}
}

func TestWriteFileKeepsWhatWasThereWhenItCannot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	write(t, filepath.Join(path, "inside"), "kept") // a folder that is not empty cannot be renamed over
	if err := WriteFile(path, []byte("x")); err == nil || !strings.Contains(err.Error(), "writing "+path) {
		t.Errorf("got error %v, want one that names %s", err, path)
	}
	if _, err := os.Stat(path + ".tmp"); !os.IsNotExist(err) {
		t.Errorf("the temporary file is left: %v", err)
	}
	if err := WriteFile(filepath.Join(dir, "no", "folder"), nil); err == nil {
		t.Error("got no error for a missing folder")
	}
}

func TestManifestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := sampleRun().Manifest
	want.Failure = &Failure{Step: "full: start", Message: "a <b> & c", ExitCode: 5}
	if err := WriteManifest(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("manifest (-got +want):\n%s", diff)
	}
}

func TestReadManifestRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a later version", `{"schema": 7, "passes": "not even a list"}`,
			"PATH: schema version 7; this program reads versions 1 to 2"},
		{"no version", `{"name": "x"}`, "PATH: no schema version; this program reads versions 1 to 2"},
		{"broken JSON", "{\n \"schema\": 1,\n oops\n}", "PATH:3: invalid character 'o' looking for beginning of object key string"},
		{"a wrong type", "{\n \"schema\": 1,\n \"passes\": 3\n}", "PATH:3: json: cannot unmarshal number"},
		{"cut off", `{"schema": 1, "name": "x`, "PATH:1: unexpected end of JSON input"},
		{"empty", ``, "PATH:1: unexpected end of JSON input"},
		{"no object", `[1]`, "PATH:1: json: cannot unmarshal array"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), ManifestFile)
			write(t, path, tc.text)
			_, err := ReadManifest(filepath.Dir(path))
			want := "reading the manifest: " + strings.ReplaceAll(tc.want, "PATH", path)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "a", "run-1", ManifestFile), "{}")
	write(t, filepath.Join(root, "a", "run-2", ManifestFile), "{}")
	write(t, filepath.Join(root, "empty", "x"), "")
	write(t, filepath.Join(root, "wrong", "no-run", "x"), "")
	for link, target := range map[string]string{"a/latest": "run-2", "dangling/latest": "gone", "wrong/latest": "no-run"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ path, want, err string }{
		{"a/run-1", "a/run-1", ""},
		{"a/run-1/", "a/run-1", ""},
		{"a/latest", "a/run-2", ""},
		{"a", "a/run-2", ""},
		{"empty", "", "has neither manifest.json nor a link \"latest\" that leads to a run; give a run directory"},
		{"dangling", "", "nor a link \"latest\" that leads to a run"},
		{"wrong", "", "no-run has no manifest.json"},
		{"a/run-1/manifest.json", "", "manifest.json is a file; give the run directory"},
		{"nowhere", "", "no such file or directory"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			got, err := Resolve(root + "/" + tc.path)
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "finding the run: ") || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %q, error %v; want %q", got, err, tc.err)
				}
				return
			}
			if want := filepath.Join(root, tc.want); err != nil || got != want {
				t.Errorf("got %q, error %v; want %q", got, err, want)
			}
		})
	}
}

func TestReadRun(t *testing.T) {
	record := `{"index":0,"request_id":"r-0"}` + "\n"
	for _, tc := range []struct {
		name                string
		full, summarization string // records.jsonl; empty for no file
		complete            bool   // of the summarization pass
		err                 string
	}{
		{"both", record, record, true, ""},
		{"interrupted before the summarization pass", record, "", false, ""},
		{"a complete pass without records", record, "", true, "summarization/records.jsonl: no such file"},
		{"a broken line", record + "{\n" + record, record, true, "full/records.jsonl:2: not a record"},
		{"a torn line", record + "{", record, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			m := sampleRun().Manifest
			m.Passes[1].Complete = tc.complete
			if err := WriteManifest(dir, m); err != nil {
				t.Fatal(err)
			}
			for pass, text := range map[string]string{PassFull: tc.full, PassSummarization: tc.summarization} {
				if text != "" {
					write(t, filepath.Join(dir, pass, RecordsFile), text)
				}
			}
			run, err := ReadRun(dir)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(len(run.Full), run.TornFull, len(run.Summarization), run.TornSummarization, run.Dir == dir)
			want := fmt.Sprint(1, strings.Count(tc.full, "{")-1, strings.Count(tc.summarization, "{"), 0, true)
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// Whatever stands in manifest.json, it is read or refused, and a run with it can be reported.
func FuzzManifest(f *testing.F) {
	for _, name := range []string{"run", "timed", "interrupted"} {
		data, err := os.ReadFile(filepath.Join("testdata", name, ManifestFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema":1,"total_s":1e308,"passes":[{"name":"full","phases":{"start_s":1e308,"pass_s":1e308}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run := sampleRun()
		m, err := decodeManifest(ManifestFile, data)
		if err != nil {
			return
		}
		run.Manifest = m
		s := Summarize(run)
		for _, format := range Formats() {
			if out, err := Render(s, format); err != nil || len(out) == 0 {
				t.Fatalf("%s: %d bytes, error %v", format, len(out), err)
			}
		}
		var back Summary
		if err := json.Unmarshal(JSON(s), &back); err != nil || back.Schema != SchemaVersion {
			t.Fatalf("summary.json cannot be read back: schema %d, error %v", back.Schema, err)
		}
	})
}
