package main

import (
	"context"
	"fmt"
	"os"
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
			code, err := runSimulator(ctx, p, c.Args().Slice())
			p.code = code
			return err
		},
	}
}

func runSimulator(ctx context.Context, p *program, args []string) (orchestrate.ExitCode, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding this program: %w", err)
	}
	return orchestrate.ExitCode(simulator.Run(ctx, []string{self, "simulator"}, args, os.LookupEnv, p.stdout, p.stderr)), nil
}
