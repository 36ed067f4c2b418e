package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

func cleanupCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "cleanup",
		Usage:     "end what killed runs have left behind: only what is provably of a launch of yours, never by name",
		UsageText: "sqzb-orchestrate cleanup [--dry-run]",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: "show what is there, end nothing"}},
		Action: noArguments(func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
			defer stop()
			return p.cleanup(ctx, c.Bool("dry-run"))
		}),
	}
}

// cleanup shows what is left of earlier runs and ends it. Something that does not end is an error.
func (p *program) cleanup(ctx context.Context, dryRun bool) error {
	found, err := server.Leftovers(server.StateDirs(os.LookupEnv)...)
	if len(found) == 0 && err == nil {
		fmt.Fprintln(p.stdout, "nothing is left of earlier runs")
	}
	errs := []error{err}
	for _, l := range found {
		fmt.Fprintln(p.stdout, l)
		for _, proc := range l.Procs {
			fmt.Fprintf(p.stdout, "  %v\n", proc)
		}
		if len(l.StopCommand) > 0 {
			fmt.Fprintf(p.stdout, "  its server may be in a container; its stop command, which is not run: %s\n",
				strings.Join(l.StopCommand, " "))
		}
		if dryRun || l.Err != nil {
			continue
		}
		ended, err := l.End(ctx)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(p.stdout, "  ended in %.1f s\n", ended.Took.Seconds())
	}
	if err := errors.Join(errs...); err != nil {
		return &orchestrate.Error{Code: orchestrate.ExitServer, Step: "cleanup", Err: err}
	}
	return nil
}
