package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// Run is what a run left behind: all that Summarize needs.
type Run struct {
	// Dir is where it was read from; no number depends on it.
	Dir      string
	Manifest Manifest
	// Full and Summarization are the records of the two passes, in any order.
	Full, Summarization []bench.Record
	// TornFull and TornSummarization count the lines that a crash cut off at the end of each records.jsonl: 0 or 1.
	TornFull, TornSummarization int
	// Spans are what traces of the server told of single requests, by pass; none where it was not traced.
	Spans map[string][]Span
	// Counters are what the server's own counters told, by pass; a pass without any has no entry. ReadRun leaves them to its
	// caller, who knows how to read the metrics files.
	Counters map[string]Counters
	// Clients are what the client found out about itself, by pass; a pass without has no entry.
	Clients map[string]ClientAudit
}

// ReadRun reads a run directory: manifest, records, spans and the client's audits. The records of a pass may be missing when the manifest does not call the pass complete,
// and the last line of a file may be cut off by a crash; any other flaw is an error with file and line.
func ReadRun(dir string) (Run, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return Run{}, err
	}
	run := Run{Dir: dir, Manifest: manifest, Spans: map[string][]Span{}, Counters: map[string]Counters{},
		Clients: map[string]ClientAudit{}}
	if run.Full, run.TornFull, err = readPass(dir, PassFull, &manifest); err != nil {
		return Run{}, err
	}
	if run.Summarization, run.TornSummarization, err = readPass(dir, PassSummarization, &manifest); err != nil {
		return Run{}, err
	}
	for _, pass := range []string{PassFull, PassSummarization} {
		if run.Spans[pass], err = readSpans(dir, pass); err != nil {
			return Run{}, err
		}
		audit, err := readClientAudit(dir, pass)
		if err != nil {
			return Run{}, err
		}
		if audit != nil {
			run.Clients[pass] = *audit
		}
	}
	return run, nil
}

func readPass(dir, name string, m *Manifest) ([]bench.Record, int, error) {
	path := filepath.Join(dir, name, RecordsFile)
	f, err := os.Open(path)
	pass := m.pass(name)
	if errors.Is(err, fs.ErrNotExist) && (pass == nil || !pass.Complete) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the records: %w", err)
	}
	defer f.Close()
	records, torn, err := readRecords(f)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the records: %s:%w", path, err)
	}
	return records, torn, nil
}

// pass finds a pass by name; nil when the run did not get to it.
func (m *Manifest) pass(name string) *Pass {
	for i := range m.Passes {
		if m.Passes[i].Name == name {
			return &m.Passes[i]
		}
	}
	return nil
}
