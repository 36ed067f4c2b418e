package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/internal/simulator"
	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

func simulatorCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:            "simulator",
		Usage:           "a vLLM look-alike without a GPU: takes vLLM's flags and its own --sim-*",
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			p.code = orchestrate.ExitCode(runSimulator(ctx, p, c.Args().Slice()))
			return nil
		},
	}
}

func runSimulator(ctx context.Context, p *program, args []string) int {
	return simulator.Run(ctx, args, p.stdout, p.stderr)
}
