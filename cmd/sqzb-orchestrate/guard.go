package main

import (
	"os"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

const guardName = "guard"

// guardCommandLine starts this very program as a guardian, also when its file has been replaced since it was started. Only
// Linux has guardians.
func guardCommandLine() []string {
	if runtime.GOOS != "linux" {
		return nil
	}
	return []string{"/proc/self/exe", guardName}
}

// guardCommand is not for people: each server is started through it.
func guardCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:   guardName,
		Hidden: true,
		Usage:  "watch over a server and end it when this program is killed",
		Action: noArguments(func(*cli.Context) error {
			p.code = orchestrate.ExitCode(server.Guard(os.Stdin, os.Stdout))
			return nil
		}),
	}
}
