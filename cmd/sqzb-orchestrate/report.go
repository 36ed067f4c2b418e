package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// formats are the names that --format takes.
func formats() []string { return append(report.Formats(), "md") }

func reportCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "make the summary of a run again from its records",
		ArgsUsage: "RUN",
		Description: "RUN is a run directory, or the folder above several (then the latest). Nothing is written there.\n" +
			"The exit code tells whether the report could be made, not the verdict it carries.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: strings.Join(formats(), ", ")},
		},
		Action: p.report,
	}
}

func (p *program) report(c *cli.Context) error {
	if c.NArg() != 1 {
		return usageError{text: fmt.Sprintf("report takes one run directory, got %d", c.NArg())}
	}
	if format := c.String("format"); !slices.Contains(formats(), format) {
		return usageError{text: fmt.Sprintf("--format: got %q; allowed: %s", format, strings.Join(formats(), ", "))}
	}
	dir, err := report.Resolve(c.Args().First())
	if err != nil {
		return err
	}
	run, err := orchestrate.ReadRun(dir)
	if err != nil {
		return err
	}
	text, err := report.Render(report.Summarize(run), c.String("format"))
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(text)
	return err
}
