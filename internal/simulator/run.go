package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Run is the simulator: it starts as a vLLM server does with args (the flags only), serves until ctx ends, which stands for
// SIGTERM, and returns the exit status of the process. 0 is a stop on request, 1 a failure to start (with a Python-like
// traceback), 2 a wrong command line (with vLLM's usage), 130 a stop while loading; a fault chooses its own. It must be alone
// in its process: some faults kill it. lookupEnv looks in the environment. self is the command line, program first, that comes to Run again when flags are added to
// it; --sim-tree and some faults start processes by it.
func Run(ctx context.Context, self, args []string, lookupEnv func(string) (string, bool), stdout, stderr io.Writer) int {
	p := program{argv: self, lookupEnv: lookupEnv, stdout: stdout, stderr: stderr}
	if len(args) == 2 && args[0] == memberFlag {
		return runMember(ctx, p, args[1])
	}
	return run(ctx, p, args, &logger{stdout: stdout, stderr: stderr}, killSelf)
}

// killSelf ends the process by SIGKILL, as the kernel's out-of-memory killer does.
func killSelf() {
	if process, err := os.FindProcess(os.Getpid()); err == nil {
		_ = process.Kill()
	}
}

// The exit statuses of vLLM.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
	exitKilled      = 137 // never seen: the process is gone by then
)

func run(ctx context.Context, p program, args []string, log *logger, kill func()) int {
	o, err := readOptions(p, args, log)
	if err == nil {
		return o.run(ctx, p, log, kill)
	}
	return failed(err, log)
}

// run starts what the options ask for and runs it to its end.
func (o *options) run(ctx context.Context, p program, log *logger, kill func()) int {
	if o.metronome.Interval > 0 {
		if err := o.runMetronome(ctx, log); err != nil {
			return failed(err, log)
		}
		return exitOK
	}
	l, err := prepare(p, o, log, kill)
	if err != nil {
		return failed(err, log)
	}
	defer l.close()
	return l.run(ctx)
}

// failed tells why a launch came to nothing, and returns its exit status.
func failed(err error, log *logger) int {
	var usage *usageError
	switch {
	case errors.Is(err, errHelp):
		return exitOK
	case errors.As(err, &usage):
		log.text(vllmUsage + simUsage)
		log.line("api_server.py: error: %s", usage.text)
		return exitUsage
	}
	log.traceback(err)
	return exitFailure
}

// errHelp ends a launch that was asked for its usage only.
var errHelp = errors.New("help was asked for")

// readOptions reads the command line and the model.
func readOptions(p program, args []string, log *logger) (*options, error) {
	parsed, err := readArgs(args)
	if err != nil {
		return nil, err
	}
	if parsed.help {
		_, _ = fmt.Fprint(log.stdout, vllmUsage, simUsage, simHelp())
		return nil, errHelp
	}
	return newOptions(parsed, p.lookupEnv)
}

// prepare does what must not fail later: it takes the port and opens the truth file.
func prepare(p program, o *options, log *logger, kill func()) (*launch, error) {
	l := newLaunch(o, log, kill, p)
	var err error
	if l.socket, err = bind(o.host, o.port, o.reusePort); err != nil {
		return nil, osError(err)
	}
	l.plan, err = l.plan.within(o.stateDir)
	if err == nil {
		l.prefixes, err = newPrefixStore(o)
	}
	if err == nil && o.truthDir != "" {
		err = os.MkdirAll(filepath.Clean(o.truthDir), 0o755)
	}
	if err == nil {
		l.truth, err = newTruthWriter(o.truthDir, o.servedNames[0], l.startedAt)
	}
	if err != nil {
		l.socket.close()
		return nil, osError(err)
	}
	return l, nil
}

// osError shows an error of the system as Python does.
func osError(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return &startError{"OSError", fmt.Sprintf("[Errno %d] %s (%v)", int(number), capitalised(number.Error()), err)}
	}
	return &startError{"OSError", err.Error()}
}

func capitalised(text string) string {
	if text == "" {
		return text
	}
	return string(text[0]&^0x20) + text[1:]
}
