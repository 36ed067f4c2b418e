package orchestrate

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// check looks at all there is before anything is started, and ends the run where an error stands against it. What is left of
// earlier runs has been ended by then; cleared says that there was something.
func (r *run) check(ctx context.Context, cleared bool) (*Preflight, error) {
	c := newChecker(r.cfg, r.o, thisMachine())
	if cleared {
		c.settle = gpuSettle
	}
	found := c.check(ctx)
	if err := context.Cause(ctx); err != nil {
		return nil, fail(ExitInternal, "check", err, "")
	}
	r.manifest.Findings = found.Findings
	errs := found.Errors()
	for _, f := range found.Warnings() {
		r.o.Observe(Note{Text: findingLine(f)})
	}
	if !slices.ContainsFunc(errs, stops) {
		for _, f := range errs {
			r.o.Observe(Note{Text: findingLine(f)})
		}
		return found, nil
	}
	if err := r.writeRefusal(errs); err != nil {
		return nil, fail(ExitInternal, "failure report", err, "")
	}
	return nil, refusal(errs)
}

// stops tells whether an error ends a run before its server is launched. That of a command does not: the launch finds it, too,
// and leaves the files that any server does that could not be started.
func stops(f report.Finding) bool {
	return f.Severity == report.FindingError && f.Check != checkCommand
}

// refusedAs are the classes of the failures that a server would have ended with.
var refusedAs = map[string]server.FailureClass{
	checkVLLM:  server.FailureModuleMissing,
	checkFlags: server.FailureUnknownFlag,
}

// writeRefusal writes failure.json for the first error that a server would have ended with, so that who reads that file learns of
// it as of a server that was started. There is no server to be started by hand, and so no replay.sh.
func (r *run) writeRefusal(errs []report.Finding) error {
	i := slices.IndexFunc(errs, func(f report.Finding) bool {
		return refusedAs[f.Check] != "" && f.ExitCode == int(ExitServer)
	})
	if i < 0 {
		return nil
	}
	f := errs[i]
	doc := postmortem{Schema: report.SchemaVersion, RunID: r.manifest.RunID, Step: "check", What: f.Text, Tree: []treeEntry{},
		Failure: server.Failure{Class: refusedAs[f.Check], Line: f.Text, Advice: f.Advice}}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", failureFile, err)
	}
	return report.WriteFile(filepath.Join(r.dir, failureFile), append(data, '\n'))
}
