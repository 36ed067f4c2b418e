package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var updateFaults = flag.Bool("update-faults", false, "write the table of docs/faults.md anew from the scripts")

const faultsDoc = "../../docs/faults.md"

// faultPhases are the phases of the matrix, in the order of the table.
var faultPhases = []string{"launch", "loading", "readiness", "warm-up", "full pass", "stop", "second launch", "summarization pass",
	"our own death", "wrapper", "container"}

// fewestFaults is how many rows the matrix has at least.
const fewestFaults = 30

// faultRow is a row of the fault matrix: the first line of its script.
type faultRow struct{ phase, fault, code, class, name string }

func (r faultRow) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", r.phase, r.fault, r.code, r.class, r.name)
}

// readFaultRow reads the first line of a script, "# PHASE | FAULT | EXIT CODE | CLASS".
func readFaultRow(file string, script []byte) (faultRow, error) {
	first, _, _ := bytes.Cut(script, []byte("\n"))
	text, isComment := strings.CutPrefix(string(first), "# ")
	fields := strings.Split(text, " | ")
	if !isComment || len(fields) != 4 {
		return faultRow{}, fmt.Errorf("%s: the first line is %q, want # PHASE | FAULT | EXIT CODE | CLASS", file, first)
	}
	row := faultRow{fields[0], fields[1], fields[2], fields[3], strings.TrimSuffix(filepath.Base(file), ".txt")}
	if !slices.Contains(faultPhases, row.phase) {
		return row, fmt.Errorf("%s: phase %q, want one of %q", file, row.phase, faultPhases)
	}
	return row, nil
}

// check tells what of the row its script does not assert.
func (r faultRow) check(script []byte) error {
	wants := []string{`(?m)^(run|end) ` + r.code + `( |$)`}
	if r.class != "–" {
		wants = append(wants, `(?m)^failed `+r.class+`$`)
	}
	if r.code == "killed" {
		wants = append(wants, `(?m)^(gone|noleft|run 0)$`)
	}
	switch r.phase {
	case "launch", "loading":
	case "full pass", "stop", "second launch", "summarization pass":
		wants = append(wants, `(?m)^kept full \d+`)
	default:
		wants = append(wants, `(?m)^(failed|again|! again|kept)`)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).Match(script) {
			return fmt.Errorf("%s: its script has no line that matches %s", r.name, want)
		}
	}
	return nil
}

// TestFaultTable compares the table of docs/faults.md with the scripts, and the first line of each script with what it asserts.
func TestFaultTable(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []faultRow
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		row, err := readFaultRow(file, script)
		if err == nil {
			err = row.check(script)
		}
		if err != nil {
			t.Error(err)
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b faultRow) int {
		return cmp.Compare(slices.Index(faultPhases, a.phase), slices.Index(faultPhases, b.phase))
	})
	if len(rows) < fewestFaults {
		t.Errorf("got %d rows, want at least %d", len(rows), fewestFaults)
	}
	var want strings.Builder
	for _, row := range rows {
		want.WriteString(row.String())
	}
	checkFaultTable(t, want.String())
}

func checkFaultTable(t *testing.T, want string) {
	t.Helper()
	doc, err := os.ReadFile(faultsDoc)
	if err != nil {
		t.Fatal(err)
	}
	const rule = "|---|---|---|---|---|\n"
	head, got, found := strings.Cut(string(doc), rule)
	if !found {
		t.Fatalf("%s has no table of five columns", faultsDoc)
	}
	if *updateFaults {
		if err := os.WriteFile(faultsDoc, []byte(head+rule+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("the table of %s (-) and the scripts (+) differ; go test ./cmd/sqzb-orchestrate -run TestFaultTable -update-faults:\n%s",
			faultsDoc, diff)
	}
}
