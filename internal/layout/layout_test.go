package layout

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/squeezebits/sqzb-orchestrate"

// allowed names, for every package, the packages of this module it may import. Imports go down only; a package that is not
// listed here fails the test, so that a new one is placed on purpose.
var allowed = map[string][]string{
	"cmd/sqzb-orchestrate": {"pkg/orchestrate", "pkg/config", "pkg/report", "pkg/selftest", "pkg/server",
		"internal/simulator"},
	"pkg/orchestrate": {"pkg/config", "pkg/dataset", "pkg/server", "pkg/client", "pkg/bench", "pkg/telemetry",
		"pkg/report", "pkg/selftest"},
	"pkg/selftest":       {"pkg/client", "pkg/bench", "pkg/telemetry", "internal/metronome", "internal/monotonic"},
	"pkg/bench":          {"pkg/client", "internal/pacer"},
	"pkg/report":         {"pkg/bench"},
	"pkg/config":         {},
	"pkg/dataset":        {},
	"pkg/server":         {},
	"pkg/client":         {},
	"pkg/telemetry":      {},
	"internal/simulator": {"internal/metronome", "internal/pacer"},
	"internal/metronome": {"internal/monotonic"},
	"internal/monotonic": {},
	"internal/pacer":     {},
	"internal/layout":    {},
}

// owner names the only package that may import a third-party module directly.
var owner = map[string]string{
	"github.com/urfave/cli/v2":              "cmd/sqzb-orchestrate",
	"gopkg.in/yaml.v3":                      "pkg/config",
	"github.com/nlpodyssey/gopickle":        "pkg/dataset",
	"github.com/hashicorp/go-retryablehttp": "pkg/client",
	"github.com/prometheus/common":          "pkg/telemetry",
}

type goPackage struct {
	ImportPath string
	Imports    []string
	GoFiles    []string
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		may, ok := allowed[name]
		if !ok {
			if len(p.GoFiles) > 0 {
				t.Errorf("%s is not placed: add it to allowed", name)
			}
			continue
		}
		for _, imp := range p.Imports {
			inside, own := strings.CutPrefix(imp, module+"/")
			if own && !slices.Contains(may, inside) {
				t.Errorf("%s imports %s; allowed: %v", name, inside, may)
			}
			for mod, pkg := range owner {
				if (imp == mod || strings.HasPrefix(imp, mod+"/")) && pkg != name {
					t.Errorf("%s imports %s, which only %s may", name, imp, pkg)
				}
			}
		}
	}
}

func TestOnlyOneFileImportsGopickle(t *testing.T) {
	out, err := exec.Command("grep", "-rl", "--include=*.go", "nlpodyssey/gopickle", "../../pkg", "../../cmd").Output()
	if err != nil {
		t.Fatalf("looking for gopickle: %v", err)
	}
	dirs := map[string]int{}
	for _, file := range strings.Fields(string(out)) {
		if !strings.HasSuffix(file, "_test.go") {
			dirs[path.Dir(file)]++
		}
	}
	if got, want := dirs["../../pkg/dataset"], 1; got != want || len(dirs) != 1 {
		t.Errorf("files that import gopickle: got %v, want one in pkg/dataset", dirs)
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading go list's output: %v", err)
		}
		list = append(list, p)
	}
	if len(list) < len(allowed)-1 {
		t.Fatalf("go list found %d packages, want at least %d", len(list), len(allowed)-1)
	}
	return list
}
