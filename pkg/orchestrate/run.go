package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// Options is what a run needs to know of the process it runs in. All fields are required unless they say otherwise.
type Options struct {
	// Self is the path of this program, for the recipe's command [simulator].
	Self string
	// Environ is the environment the server inherits, LookupEnv looks in the same.
	Environ   []string
	LookupEnv func(string) (string, bool)
	// Home is the user's home directory.
	Home string
	// Version and Commit name this program in the manifest; Commit may be empty.
	Version, Commit string
	// RecipePath and RecipeSHA256 say where the recipe came from, Set are the overrides as given.
	RecipePath   string
	RecipeSHA256 string
	Set          []string
	// SimulatorVersion is the version of vLLM that the recipe's command [simulator] plays.
	SimulatorVersion string
	// Observe is told what happens; nil for nobody.
	Observe Observer
	// Guard starts this program as the guardian of a server, see server.Options.Guard; empty for none.
	Guard []string
	// StateDirs are where launches of this user are noted: ours in the first, and those of an earlier run that did not end
	// in order in any of them. None: nothing is noted and nothing looked for.
	StateDirs []string
	// SelftestDir is where the results of selftests are kept (selftest.Dir); empty for nowhere.
	SelftestDir string
	// Hard is cancelled when the user will not wait any longer: servers are then killed instead of stopped in order.
	Hard context.Context
}

// Result is what became of one recipe.
type Result struct {
	Name string
	// Dir is the run directory, empty when the run did not get that far.
	Dir string
	// Summary is nil when there is nothing to summarise.
	Summary *report.Summary
	// Err is why the run ended early, nil when both passes were complete. It is an *Error.
	Err error
	// Code is the exit code without regard to --allow-suspect.
	Code ExitCode
}

// run is the state of one run: owned by the goroutine that called Run.
type run struct {
	cfg      *config.Config
	o        Options
	dir      string
	manifest report.Manifest
	began    time.Time
	inputs   *Inputs
	// installed is the vLLM that the recipe starts, the zero value when it is not known.
	installed server.Installed
	timings   timings
	gpus      *gpuWatch
	// first and last are the first and the latest launch as they really were, secrets included; they are compared, and only
	// stored with the secrets left out.
	first, last *server.LaunchRecord
	// records are what each pass gave, for the case that they cannot be read back.
	records map[string][]bench.Record
}

// Run does the five steps for one recipe. Cancelling ctx stops in order and keeps what was measured. Whatever happens, the
// server it started is gone when it returns, and the run directory holds everything that was measured.
func Run(ctx context.Context, cfg *config.Config, o Options) Result {
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	r := &run{cfg: cfg, o: o, began: time.Now(), records: map[string][]bench.Record{}}
	if err := r.open(); err != nil {
		e := fail(ExitInternal, "run directory", err, "choose another place with --output, or free some space")
		return Result{Name: cfg.Name, Dir: r.dir, Err: e, Code: e.Code}
	}
	err := r.steps(ctx)
	return r.finish(err)
}

// open makes the run directory and writes the first manifest, before anything costly.
func (r *run) open() error {
	id, err := newRunID(r.began)
	if err != nil {
		return err
	}
	r.manifest = report.Manifest{
		Schema: report.SchemaVersion, Name: r.cfg.Name, RunID: id, Started: r.began.UTC(),
		Tool:   report.Tool{Version: r.o.Version, Commit: r.o.Commit, Go: runtime.Version()},
		Host:   hostFacts(),
		Recipe: report.Recipe{Path: r.o.RecipePath, SHA256: r.o.RecipeSHA256, Set: r.o.Set},
		Model:  report.Model{Name: r.cfg.Server.Model}, Thresholds: thresholds(r.cfg),
	}
	if r.dir, err = openRunDir(r.cfg.Output.Dir, r.cfg.Name, id); err != nil {
		return err
	}
	if err := report.WriteFile(filepath.Join(r.dir, "recipe.yaml"), r.cfg.YAML()); err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	if err := pointLatest(r.dir); err != nil {
		return err
	}
	r.o.Observe(RunOpened{Name: r.cfg.Name, Dir: r.dir})
	return nil
}

// save writes the manifest as it stands.
func (r *run) save() error { return report.WriteManifest(r.dir, r.manifest) }

func (r *run) steps(ctx context.Context) error {
	found, err := r.check(ctx, r.clear(ctx))
	if err != nil {
		return err
	}
	in := found.Inputs
	r.inputs, r.installed = in, found.Installed
	r.manifest.Model, r.manifest.Dataset = modelInfo(r.cfg, in), datasetInfo(in.Prompts)
	r.manifest.Load = loadInfo(r.cfg, in)
	if found.Unknown != nil {
		r.o.Observe(Note{Text: "the installed vLLM is not known: " + found.Unknown.Error()})
	}
	if err := r.setTimings(server.Timings(r.cfg.Server.Timings), nil); err != nil {
		return err
	}
	defer func() { r.timings.close() }()
	r.gpus, r.manifest.GPUs = watchGPUs(found.gpus), found.gpus.gpus
	if err := r.save(); err != nil {
		return fail(ExitInternal, "run directory", err, "")
	}
	r.o.Observe(Note{Text: fmt.Sprintf("%d prompts, %d tokens (%d to %d each), from %s", len(in.Prompts.Prompts),
		in.Prompts.Tokens(), in.Prompts.Shortest(), in.Prompts.Longest(), in.Prompts.Source)})
	for _, p := range passPlans(r.cfg) {
		if err := r.pass(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// finish notes how the run ended, summarises what there is and writes the reports.
func (r *run) finish(err error) Result {
	res := Result{Name: r.cfg.Name, Dir: r.dir, Err: err}
	r.manifest.Ended = time.Now().UTC()
	r.manifest.TotalSeconds = time.Since(r.began).Seconds()
	if err != nil {
		r.noteFailure(err)
	}
	saveErr := r.save()
	var sumErr error
	if res.Summary, sumErr = r.report(); saveErr != nil || res.Summary == nil {
		res.Summary = r.summaryFromMemory()
	}
	if err == nil && (saveErr != nil || sumErr != nil) {
		res.Err = fail(ExitInternal, "reports", errors.Join(saveErr, sumErr),
			"the records are in the run directory; make the reports again with: sqzb-orchestrate report "+r.dir)
	}
	res.Code = exitCode(res.Err, res.Summary)
	return res
}

func (r *run) noteFailure(err error) {
	e := fail(ExitInternal, "run", err, "")
	r.manifest.Failure = &report.Failure{Step: e.Step, Message: e.Err.Error(), Hint: e.Hint, ExitCode: int(e.Code)}
	var sig SignalError
	if errors.As(err, &sig) {
		r.manifest.Interrupted = sig.Name()
	}
}

// report makes the summary from what is on disk, so that `report` gives the same bytes later, and writes the reports. A
// summary that could be made is returned even when a file could not be written.
func (r *run) report() (*report.Summary, error) {
	run, err := ReadRun(r.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the run back: %w", err)
	}
	summary := report.Summarize(run)
	return &summary, report.WriteReports(r.dir, summary)
}

// summaryFromMemory is for a run directory that cannot be written any more: what was measured is then at least shown.
func (r *run) summaryFromMemory() *report.Summary {
	run := report.Run{Dir: r.dir, Manifest: r.manifest, Full: r.records[report.PassFull],
		Summarization: r.records[report.PassSummarization], Counters: map[string]report.Counters{},
		GPUs: r.gpus.stored()}
	for _, pass := range r.manifest.Passes {
		if c, err := readCounters(filepath.Join(r.dir, pass.Name)); err == nil {
			run.Counters[pass.Name] = c
		}
	}
	s := report.Summarize(run)
	return &s
}

// exitCode is the failure's code, else the verdict's.
func exitCode(err error, s *report.Summary) ExitCode {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case err != nil || s == nil:
		return ExitInternal
	case s.Verdict == report.Valid:
		return ExitOK
	}
	return ExitVerdict
}
