// Command sqzb-orchestrate benchmarks a vLLM configuration from one recipe: it starts the server, sends a pre-tokenised
// data set at full output length, starts the server again, sends the same prompts with max output 1, and summarises.
//
// This package is the command line only: flags, what the terminal shows, exit codes. Everything else is in the packages
// under pkg/.
package main

import (
	"context"
	"io"
	"os"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
)

// version is set by the linker; see the Makefile.
var version = "unknown"

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program with its edges as parameters; it returns the exit code.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdout: stdout, stderr: stderr}
	code := p.exitCode(newApp(p).RunContext(ctx, interspersed(args)))
	if code == orchestrate.ExitOK {
		code = p.code
	}
	return int(code)
}
