package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/internal/simulator"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/selftest"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "config", Aliases: []string{"c"}, Usage: "the recipe `FILE`; repeat for several, run in order"},
		&cli.StringSliceFlag{Name: "set", Usage: "override one key of every recipe: `PATH=VALUE`, such as load.request_rate=8"},
		&cli.StringFlag{Name: "output", Usage: "put results under `DIR` instead of the recipe's output.dir"},
		&cli.BoolFlag{Name: "dry-run", Usage: "check everything, print what would be done, start nothing"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON on stdout instead of text"},
		&cli.DurationFlag{Name: "grace", Usage: "end within `DURATION` of the first signal, as a batch system demands; 0 = server.stop_timeout decides"},
		&cli.BoolFlag{Name: "allow-suspect", Usage: "exit 0 also when the verdict is suspect"},
	}
}

// runRecipes is the program's main action.
func (p *program) runRecipes(c *cli.Context) error {
	recipes := c.StringSlice("config")
	if len(recipes) == 0 {
		return usageError{text: "no recipe: give one with -c FILE"}
	}
	o, err := processOptions()
	if err != nil {
		return err
	}
	configOptions, err := recipeOptions(c, o)
	if err != nil {
		return err
	}
	ctx, hard, stop := interruptible(c.Context, p.stderr, c.Duration("grace"))
	defer stop()
	o.Hard = hard
	talk := newTalk(p.stderr)
	o.Observe = talk.observe
	if c.Bool("dry-run") {
		return p.dryRun(ctx, c, recipes, configOptions, o)
	}
	results, code := orchestrate.Series(ctx, recipes, configOptions, o, func(r orchestrate.Result) {
		talk.end()
		p.showResult(c, r)
	})
	if err := p.showSeries(c, results); err != nil {
		return err
	}
	p.code = allowSuspect(c, results, code)
	return nil
}

// processOptions is what a run needs to know of this process.
func processOptions() (orchestrate.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return orchestrate.Options{}, fmt.Errorf("finding this program: %w", err)
	}
	home, _ := os.UserHomeDir() // only recipes that use ~ need it, and they say so
	return orchestrate.Options{Self: self, Environ: os.Environ(), LookupEnv: os.LookupEnv, Home: home, Version: version,
		Commit: buildCommit(), Guard: guardCommandLine(), StateDirs: server.StateDirs(os.LookupEnv),
		SelftestDir:      selftest.Dir(os.LookupEnv),
		SimulatorVersion: simulator.Version, Hard: context.Background()}, nil
}

func buildCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

func recipeOptions(c *cli.Context, o orchestrate.Options) (config.Options, error) {
	set := c.StringSlice("set")
	if out := c.String("output"); out != "" {
		abs, err := filepath.Abs(out)
		if err != nil {
			return config.Options{}, usageError{text: fmt.Sprintf("--output %s: %v", out, err)}
		}
		set = append(set, "output.dir="+config.Literal(abs))
	}
	return config.Options{Set: set, LookupEnv: o.LookupEnv, Home: o.Home}, nil
}

func (p *program) dryRun(ctx context.Context, c *cli.Context, recipes []string, co config.Options,
	o orchestrate.Options) error {
	worst := orchestrate.ExitOK
	for _, path := range recipes {
		code, err := p.planOne(ctx, c, path, co, o)
		if err != nil {
			code = p.exitCode(err)
		}
		worst = orchestrate.Worse(worst, code)
	}
	p.code = worst
	return nil
}

// planOne prints a plan, and returns the exit code of what stands against it.
func (p *program) planOne(ctx context.Context, c *cli.Context, path string, co config.Options,
	o orchestrate.Options) (orchestrate.ExitCode, error) {
	cfg, err := orchestrate.LoadRecipe(path, co, &o)
	if err != nil {
		return 0, err
	}
	plan, err := orchestrate.MakePlan(ctx, cfg, o)
	if err != nil {
		return 0, err
	}
	text := plan.Text()
	if c.Bool("json") {
		if text, err = plan.JSON(); err != nil {
			return 0, err
		}
	}
	_, err = p.stdout.Write(text)
	return plan.Code(), err
}

// showResult prints one recipe's outcome: the summary on stdout, the failure on stderr.
func (p *program) showResult(c *cli.Context, r orchestrate.Result) {
	// A run that got to no pass has nothing to summarise; its error says it all.
	if r.Summary != nil && r.Summary.Requests.Full != nil && !c.Bool("json") {
		p.stdout.Write(report.Text(*r.Summary))
	}
	if r.Err != nil {
		printError(p.stderr, r.Err)
	}
	if r.Dir != "" {
		fmt.Fprintf(p.stderr, "results: %s\n", r.Dir)
	}
}

// showSeries prints what concerns all recipes: the JSON document, or the comparison of several.
func (p *program) showSeries(c *cli.Context, results []orchestrate.Result) error {
	if c.Bool("json") {
		return p.printJSON(results)
	}
	if len(results) > 1 {
		_, err := p.stdout.Write(report.Comparison(entries(results)))
		return err
	}
	return nil
}

func entries(results []orchestrate.Result) []report.Entry {
	list := make([]report.Entry, len(results))
	for i, r := range results {
		list[i] = report.Entry{Name: r.Name, Summary: r.Summary}
		if r.Err != nil {
			list[i].Failure = r.Err.Error()
		}
	}
	return list
}

// printJSON prints the summary of a single recipe as it is in summary.json, and {"runs": [...]} for several.
func (p *program) printJSON(results []orchestrate.Result) error {
	if len(results) == 1 && results[0].Summary != nil {
		_, err := p.stdout.Write(report.JSON(*results[0].Summary))
		return err
	}
	type entry struct {
		Name     string          `json:"name"`
		Dir      string          `json:"dir,omitempty"`
		ExitCode int             `json:"exit_code"`
		Error    string          `json:"error,omitempty"`
		Summary  json.RawMessage `json:"summary"`
	}
	doc := struct {
		Runs []entry `json:"runs"`
	}{Runs: make([]entry, len(results))}
	for i, r := range results {
		e := entry{Name: r.Name, Dir: r.Dir, ExitCode: int(r.Code), Summary: json.RawMessage("null")}
		if r.Err != nil {
			e.Error = r.Err.Error()
		}
		if r.Summary != nil {
			e.Summary = report.JSON(*r.Summary)
		}
		doc.Runs[i] = e
	}
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// allowSuspect is the exit code of the series once --allow-suspect is taken into account.
func allowSuspect(c *cli.Context, results []orchestrate.Result, code orchestrate.ExitCode) orchestrate.ExitCode {
	if !c.Bool("allow-suspect") {
		return code
	}
	worst := orchestrate.ExitOK
	for _, r := range results {
		if r.Code == orchestrate.ExitVerdict && r.Summary.Verdict == report.Suspect {
			continue
		}
		worst = orchestrate.Worse(worst, r.Code)
	}
	return worst
}
