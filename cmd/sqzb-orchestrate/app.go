package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

// program is what the commands share: the two streams, and the exit code of a command that did its work.
type program struct {
	stdout, stderr io.Writer
	// code is the exit code of work that ended without an error of its own, such as a run whose verdict is invalid.
	code orchestrate.ExitCode
}

// usageError is wrong usage of the command line; it exits 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// newApp is the command line.
func newApp(p *program) *cli.App {
	app := &cli.App{
		Name:  "sqzb-orchestrate",
		Usage: "benchmark a vLLM configuration: one recipe, one command, a summary with a verdict",
		UsageText: "sqzb-orchestrate -c RECIPE [-c RECIPE …] [--set path=value …] [--output DIR]\n" +
			"                 [--dry-run] [--json] [--allow-suspect] [--grace DURATION]\n" +
			"sqzb-orchestrate COMMAND …",
		Version:                   version,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		Flags:                     runFlags(),
		Action:                    noArguments(p.runRecipes),
		OnUsageError:              onUsageError,
		Commands: []*cli.Command{
			p.command(checkCommand(p)),
			p.command(reportCommand(p)),
			p.command(selftestCommand(p)),
			p.command(cleanupCommand(p)),
			p.command(simulatorCommand(p)),
			p.command(guardCommand(p)),
		},
	}
	return app
}

// command gives every command the same rules: its usage errors are ours, and -h works.
func (p *program) command(c *cli.Command) *cli.Command {
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	return c
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{text: err.Error()} }

// noArguments refuses what is left on the command line: the library would otherwise take a misspelt command, and every
// flag after it, for arguments, and run.
func noArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return usageError{text: fmt.Sprintf("%q is neither a command nor a flag; recipes are given with -c", c.Args().First())}
		}
		return action(c)
	}
}

// exitCode prints err, if any, and decides the exit code. It is the only place that does.
func (p *program) exitCode(err error) orchestrate.ExitCode {
	if err == nil {
		return orchestrate.ExitOK
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(p.stderr, "sqzb-orchestrate: %v\nSee sqzb-orchestrate --help.\n", usage)
		return orchestrate.ExitUsage
	}
	printError(p.stderr, err)
	var step *orchestrate.Error
	if errors.As(err, &step) {
		return step.Code
	}
	return orchestrate.ExitInternal
}

// printError writes an error for people: problems of a recipe a line each, findings as the command check does, else the step and
// the cause, and the hint.
func printError(w io.Writer, err error) {
	var step *orchestrate.Error
	if !errors.As(err, &step) {
		fmt.Fprintf(w, "error: %v\n", err)
		return
	}
	if step.Code == orchestrate.ExitRecipe && step.Step == "recipe" {
		fmt.Fprintln(w, step.Err)
		return
	}
	var findings *orchestrate.FindingsError
	if errors.As(err, &findings) {
		w.Write(orchestrate.FindingsText(findings.Findings))
		return
	}
	fmt.Fprintf(w, "error: %v\n", step)
	if step.Hint != "" {
		fmt.Fprintf(w, "hint:  %s\n", step.Hint)
	}
}

// interspersed moves the flags of a command in front of its arguments, since the library stops reading flags at the first
// argument and users write `report RUN --format json`. The simulator's command line is its own.
func interspersed(args []string) []string {
	if len(args) < 3 || args[1] != "report" {
		return args
	}
	flags, rest := []string{}, []string{}
	for i := 2; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case !strings.HasPrefix(a, "-") || a == "-":
			rest = append(rest, a)
		default:
			flags = append(flags, a)
			if takesValue(a) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		}
	}
	out := append([]string{args[0], args[1]}, flags...)
	return append(append(out, "--"), rest...)
}

func takesValue(flag string) bool { return flag == "--format" || flag == "-format" || flag == "-f" }
