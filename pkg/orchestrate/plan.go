package orchestrate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// Plan is what a run would do: what --dry-run prints.
type Plan struct {
	Name string `json:"name"`
	// OutputDir is the folder the run directory would be made in.
	OutputDir string `json:"output_dir"`
	// Passes are the launches; port and served name are chosen at the start of each and stand here as PORT and NAME.
	Passes []PlannedPass `json:"passes"`
	// Env is what the recipe adds to the environment, as the recipe writes it, AddedEnv what this program adds besides.
	Env      []string `json:"env"`
	AddedEnv []string `json:"added_env"`
	// Timings is where the times of requests will come from.
	Timings report.Timings `json:"timings"`
	// Model, Dataset and Load are as the manifest would have them.
	Model   report.Model       `json:"model"`
	Dataset report.DatasetInfo `json:"dataset"`
	Load    report.LoadInfo    `json:"load"`
	// WarmupRequests are sent before each pass.
	WarmupRequests int `json:"warmup_requests"`
	// Disk is what the results will take.
	Disk Disk `json:"disk"`
	// Findings is what the check has found.
	Findings []report.Finding `json:"findings"`
}

// PlannedPass is one launch and what is sent to it.
type PlannedPass struct {
	Name      string   `json:"name"`
	Argv      []string `json:"argv"`
	MaxTokens int      `json:"max_tokens"`
}

// MakePlan checks a run, and says what it would do, without starting or writing anything. What was found is in the plan; it is
// the error, an *Error, only where there can be no plan.
func MakePlan(ctx context.Context, cfg *config.Config, o Options) (*Plan, error) {
	found := Check(ctx, cfg, o)
	if err := context.Cause(ctx); err != nil {
		return nil, fail(ExitInternal, "check", err, "")
	}
	if found.Inputs == nil || found.timings == nil {
		return nil, refusal(found.Findings)
	}
	in, t := found.Inputs, *found.timings
	if t.plan.Source == server.TimingsTrace {
		t.flags = append(t.flags, server.Flag{Name: telemetry.TraceFlag, Values: []string{"URL"}})
	}
	p := &Plan{Name: cfg.Name, OutputDir: found.Disk.Dir, Model: modelInfo(cfg, in), Dataset: datasetInfo(in.Prompts),
		Load: loadInfo(cfg, in), WarmupRequests: len(in.Warmup.Prompts), Disk: found.Disk,
		Findings: append([]report.Finding{}, found.Findings...)}
	for _, v := range cfg.Server.Env {
		p.Env = append(p.Env, v.Name+"="+v.Raw)
	}
	p.AddedEnv = addedEnv(cfg, o, t)
	p.Timings = t.info(cfg)
	for _, pass := range passPlans(cfg) {
		p.Passes = append(p.Passes, PlannedPass{Name: pass.name, Argv: server.MaskArgv(plannedArgv(cfg, o, t.flags)), MaxTokens: pass.maxTokens})
	}
	return p, nil
}

// Code is the worst exit code of the findings, ExitOK when there is no error.
func (p *Plan) Code() ExitCode { return worstCode(p.Findings) }

// addedEnv are the variables that this program adds to the server's environment.
func addedEnv(cfg *config.Config, o Options, t timings) []string {
	list := []string{server.MarkerName + "=MARKER"}
	bare := server.Environ(o.Environ, recipeEnv(cfg))
	for _, entry := range bare {
		name, _, _ := strings.Cut(entry, "=")
		_, inherited := o.LookupEnv(name)
		if !inherited && !slices.ContainsFunc(cfg.Server.Env, func(v config.EnvVar) bool { return v.Name == name }) {
			list = append(list, entry)
		}
	}
	for _, pair := range t.env {
		list = append(list, pair[0]+"="+pair[1])
	}
	return list
}

// plannedArgv is the command line with stand-ins for what is chosen at each launch.
func plannedArgv(cfg *config.Config, o Options, added []server.Flag) []string {
	if cfg.Server.Port != 0 {
		return launchFor(cfg, o, "NAME", cfg.Server.Port, added).Argv()
	}
	const some = 1
	argv := launchFor(cfg, o, "NAME", some, added).Argv()
	for i := range argv[:len(argv)-1] {
		if argv[i] == "--port" && argv[i+1] == strconv.Itoa(some) {
			argv[i+1] = "PORT"
		}
	}
	return argv
}

// JSON is the plan for programs.
func (p *Plan) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return append(data, '\n'), nil
}

// Text is the plan for people.
func (p *Plan) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: nothing was started (--dry-run)\n", p.Name)
	for _, pass := range p.Passes {
		fmt.Fprintf(&b, "\n%s pass, max_tokens %d:\n  %s\n", pass.Name, pass.MaxTokens, shellLine(pass.Argv))
	}
	fmt.Fprintf(&b, "\nadded to the environment by the recipe: %s\n", orNone(strings.Join(p.Env, " ")))
	fmt.Fprintf(&b, "and by this program: %s\n", strings.Join(p.AddedEnv, " "))
	fmt.Fprintf(&b, "times of requests: %s (%s)\n", p.Timings.Source, p.Timings.Why)
	d := p.Dataset
	fmt.Fprintf(&b, "data set: %s (%s), %d of %d rows, %d prompt tokens, %d to %d each\n", d.Source, d.Format, d.Requests,
		d.RowsInFile, d.PromptTokens, d.Shortest, d.Longest)
	last := time.Duration(p.Load.LastArrivalSeconds * float64(time.Second)).Round(time.Millisecond)
	shape := append(p.Load.Shape(), "concurrency "+bound(p.Load.Concurrency))
	fmt.Fprintf(&b, "load: %d requests, rate %s (last arrival after %s), %s, %d warm-up requests\n",
		d.Requests, p.Load.Rate(" requests/s"), last, strings.Join(shape, ", "), p.WarmupRequests)
	fmt.Fprintf(&b, "end of output: ignore_eos %t, stop token ids %v\n", p.Load.IgnoreEOS, p.Load.StopTokenIDs)
	fmt.Fprintf(&b, "model: %s, vocabulary %d, max_model_len %d\n", p.Model.Name, p.Model.VocabSize, p.Model.MaxModelLen)
	fmt.Fprintf(&b, "results: %s/<start>-<id>, %s\n", p.OutputDir, p.Disk.amount())
	if len(p.Findings) > 0 {
		b.WriteString("\n")
		b.Write(FindingsText(p.Findings))
	}
	return b.Bytes()
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func bound(n int) string {
	if n == 0 {
		return "without bound"
	}
	return fmt.Sprint(n)
}

// shellLine quotes argv so that it can be pasted into a shell.
func shellLine(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = quoteWord(a)
	}
	return strings.Join(words, " ")
}

// quoteWord quotes one word for a shell, if it needs that.
func quoteWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n\"'`$&|;<>(){}[]*?!#~\\") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
