package orchestrate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// The checks, as findings name them.
const (
	checkRecipe      = "recipe"
	checkCommand     = "command"
	checkStopCommand = "stop_command"
	checkVLLM        = "vllm"
	checkFlags       = "flags"
	checkTimings     = "timings"
	checkModel       = "model"
	checkDataset     = "dataset"
	checkLoRA        = "lora"
	checkPort        = "port"
	checkOpenFiles   = "open_files"
	checkLocalPorts  = "local_ports"
	checkMemory      = "memory"
	checkDisk        = "disk"
	checkClock       = "clock"
	checkGovernor    = "governor"
	checkCores       = "cores"
	checkLeftovers   = "leftovers"
	checkGPUs        = "gpus"
	checkSelftest    = "selftest"
)

// Preflight is what can be known of a run before anything is started.
type Preflight struct {
	// Name is the recipe's name, or its path when it could not be read.
	Name string
	// Findings are all that was found, errors first; none when there is nothing to say.
	Findings []report.Finding
	// Inputs is what would be sent, nil where an error stands against it.
	Inputs *Inputs
	// Installed is the vLLM that the command would start, the zero value where it is not known. Unknown says why not, where
	// that is no finding: what a script or a container starts cannot be seen from here. It is nil otherwise.
	Installed server.Installed
	Unknown   error
	// Disk is what the results will take, the zero value where Inputs is nil.
	Disk Disk

	cfg *config.Config
	// timings is the plan, nil where there is none.
	timings *timings
	gpus    gpuLook
}

// Errors are the findings of that severity.
func (p *Preflight) Errors() []report.Finding { return withSeverity(p.Findings, report.FindingError) }

// Warnings are the findings of that severity.
func (p *Preflight) Warnings() []report.Finding {
	return withSeverity(p.Findings, report.FindingWarning)
}

func withSeverity(all []report.Finding, s report.FindingSeverity) []report.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f report.Finding) bool { return f.Severity != s })
}

// Code is the worst exit code of the findings, ExitOK when there is no error.
func (p *Preflight) Code() ExitCode { return worstCode(p.Findings) }

func worstCode(findings []report.Finding) ExitCode {
	worst := ExitOK
	for _, f := range findings {
		worst = Worse(worst, ExitCode(f.ExitCode))
	}
	return worst
}

// FindingsError says that a run cannot be started; at least one of the findings is an error.
type FindingsError struct{ Findings []report.Finding }

// Error has one finding a line, without the advice.
func (e *FindingsError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = "[" + f.Check + "] " + f.Text
	}
	return strings.Join(lines, "\n")
}

// refusal is the error of a run that findings stand against.
func refusal(findings []report.Finding) *Error {
	var advice []string
	for _, f := range findings {
		if f.Advice != "" {
			advice = append(advice, f.Advice)
		}
	}
	return &Error{Code: worstCode(findings), Step: "check", Err: &FindingsError{findings}, Hint: strings.Join(advice, "\n")}
}

// CheckRecipe loads a recipe and checks it as Check does. What is wrong with the recipe itself are findings as well. The error is
// the cause of the end of ctx, as an *Error.
func CheckRecipe(ctx context.Context, path string, configOptions config.Options, o Options) (*Preflight, error) {
	cfg, err := LoadRecipe(path, configOptions, &o)
	if err == nil {
		found := Check(ctx, cfg, o)
		if err := context.Cause(ctx); err != nil {
			return nil, fail(ExitInternal, "check", err, "")
		}
		return found, nil
	}
	p := &Preflight{Name: path}
	texts := []string{errors.Unwrap(err).Error()}
	var problems config.Problems
	if errors.As(err, &problems) {
		texts = nil
		for _, problem := range problems {
			texts = append(texts, problem.String())
		}
	}
	for _, text := range texts {
		p.Findings = append(p.Findings, report.Finding{Severity: report.FindingError, Check: checkRecipe, Text: text,
			ExitCode: int(ExitRecipe)})
	}
	return p, nil
}

// Check looks for all that stands against a run, and for what may disturb it, without starting or writing anything. When ctx
// ends, what it returns is not complete.
func Check(ctx context.Context, cfg *config.Config, o Options) *Preflight {
	c := newChecker(cfg, o, thisMachine())
	c.leftovers()
	return c.check(ctx)
}

// checker collects the findings about one recipe.
type checker struct {
	cfg *config.Config
	o   Options
	// env is the server's environment, argv its command line; port and served name are not decided yet.
	env     []string
	argv    []string
	machine machine
	found   *Preflight
	// certain is true where it is vLLM (or the simulator) that the command starts, here, and with these flags: what a script or
	// a container makes of them is not known.
	certain bool
	// ended are processes that the next run ends before it starts a server.
	ended []server.Proc
	// settle is how long the GPUs may be in use before that is told.
	settle time.Duration
}

func newChecker(cfg *config.Config, o Options, m machine) *checker {
	return &checker{cfg: cfg, o: o, machine: m, env: serverEnviron(cfg, o, nil), argv: launchFor(cfg, o, "", 0, nil).Argv(),
		found: &Preflight{Name: cfg.Name, cfg: cfg}}
}

func (c *checker) check(ctx context.Context) *Preflight {
	gpus := lookAtGPUs(ctx, c.env, c.settle)
	c.command()
	c.stopCommand()
	c.installed(ctx)
	c.flags()
	c.timings()
	c.inputs(ctx)
	c.model()
	c.adapters()
	c.port()
	c.openFiles()
	c.localPorts()
	c.memory()
	c.disk()
	c.clock()
	c.governor()
	c.cores()
	c.gpus(c.awaitGPUs(gpus))
	c.selftest()
	slices.SortStableFunc(c.found.Findings, func(a, b report.Finding) int {
		return cmp.Compare(a.Severity, b.Severity) // "error" < "warning"
	})
	return c.found
}

func (c *checker) error(code ExitCode, check, text, advice string) {
	c.found.Findings = append(c.found.Findings, report.Finding{Severity: report.FindingError, Check: check, Text: text,
		Advice: advice, ExitCode: int(code)})
}

func (c *checker) warn(check, text, advice string) {
	c.found.Findings = append(c.found.Findings, report.Finding{Severity: report.FindingWarning, Check: check, Text: text,
		Advice: advice})
}

// presume is an error where the command is known to start vLLM with these flags, and else a warning: a script or a container may
// have other files and pass on other flags.
func (c *checker) presume(code ExitCode, check, text, advice string) {
	if c.certain {
		c.error(code, check, text, advice)
		return
	}
	c.warn(check, text, advice+"; no error only because what the command starts cannot be seen from here")
}

// leftovers finds what the next run will end.
func (c *checker) leftovers() {
	if len(c.o.StateDirs) == 0 {
		return
	}
	found, err := server.Leftovers(c.o.StateDirs...)
	if err != nil {
		c.warn(checkLeftovers, "looking for what earlier runs left behind: "+err.Error(), "")
	}
	for _, l := range found {
		if l.Err != nil {
			c.warn(checkLeftovers, "left behind by an earlier run: "+l.String(), "look at it yourself: no run will touch it")
			continue
		}
		c.ended = append(c.ended, l.Procs...)
		c.warn(checkLeftovers, "left behind by an earlier run: "+l.String(), "the next run ends it first, and so does "+
			"sqzb-orchestrate cleanup")
	}
}
