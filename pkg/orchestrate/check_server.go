package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// command checks that the server's program can be run.
func (c *checker) command() {
	if _, err := server.Resolve(c.argv[0], valueOf(c.env, "PATH")); err != nil {
		c.commandError(err)
	}
}

func (c *checker) commandError(err error) {
	failure := server.Classify(server.Evidence{CommandErr: err})
	c.error(ExitServer, checkCommand, failure.Line, strings.TrimSuffix(failure.Advice, "."))
}

func (c *checker) stopCommand() {
	argv := c.cfg.Server.StopCommand
	if len(argv) == 0 {
		return
	}
	if _, err := server.Resolve(argv[0], valueOf(c.env, "PATH")); err != nil {
		c.error(ExitServer, checkStopCommand, strings.Replace(server.Classify(server.Evidence{CommandErr: err}).Line,
			"server command", "stop command", 1), "correct server.stop_command, or the server's container is not stopped")
	}
}

// installed finds the vLLM that the command starts.
func (c *checker) installed(ctx context.Context) {
	v, err := installed(ctx, c.cfg, c.o)
	c.found.Installed = v
	var none *server.NotInstalledError
	var command *server.CommandError
	unknown := errors.As(err, new(*server.UnknownInterpreterError))
	c.certain = !unknown && (usesSimulator(c.cfg) || namesVLLM(c.cfg.Server.Command))
	switch {
	case err == nil:
	case unknown:
		c.found.Unknown = err
	case errors.As(err, &none):
		c.presume(ExitServer, checkVLLM, fmt.Sprintf("%s (Python %s) has no vLLM installed", none.Interpreter, none.Python),
			"let server.command name the Python, or the vllm, of the environment that has")
	case errors.As(err, &command):
		if len(c.found.Errors()) == 0 { // else the program itself was not found, which has been told
			c.commandError(err)
		}
	default:
		c.warn(checkVLLM, "the installed vLLM is not known: "+err.Error(), "without it flags cannot be checked, and times of "+
			"requests are not asked for where that could stop the server; see that server.command works by hand")
	}
}

// namesVLLM tells whether the command itself speaks of vLLM: a Python that runs a script may do anything.
func namesVLLM(command []string) bool {
	return slices.ContainsFunc(command, func(word string) bool {
		return filepath.Base(word) == "vllm" || strings.HasPrefix(word, "vllm.") || strings.HasPrefix(word, "-mvllm.")
	})
}

// flags finds flags that the installed version does not take.
func (c *checker) flags() {
	for _, f := range server.FlagFindings(c.found.Installed, launchFor(c.cfg, c.o, "", 0, nil)) {
		c.presume(ExitServer, checkFlags, f.Sentence, "correct server.args, or install another vLLM")
	}
}

// timings plans where the times of requests come from.
func (c *checker) timings() {
	t, err := planTimings(c.cfg, c.o, c.found.Installed, server.Timings(c.cfg.Server.Timings))
	if err != nil {
		var known *Error
		errors.As(err, &known)
		c.error(known.Code, checkTimings, known.Err.Error(), "set server.timings to auto, or install what it needs")
		return
	}
	c.found.timings = &t
}

// port checks the address, and that nobody else has the recipe's port.
func (c *checker) port() {
	host, port := c.cfg.Server.Host, c.cfg.Server.Port
	var err error
	if port == 0 {
		_, err = server.FreePort(host)
	} else {
		err = server.CheckPort(host, port)
	}
	var used *server.PortInUseError
	switch {
	case err == nil:
	case !errors.As(err, &used):
		c.error(ExitRecipe, checkPort, err.Error(), "set server.host to an address of this machine")
	case used.Owner != nil && slices.ContainsFunc(c.ended, func(p server.Proc) bool { return p.PID == used.Owner.PID }):
	default:
		c.error(ExitBusy, checkPort, err.Error(), "stop what listens there, or set server.port to auto")
	}
}

// flag is the last value of a flag in the server's command line, "" for a bare one, and whether it is there.
func (c *checker) flag(name string) (value string, set bool) {
	if list := c.flagValues(name); len(list) > 0 {
		return list[len(list)-1], true
	}
	return "", c.hasFlag(name)
}

// flagValues are all values that follow a flag, wherever it stands in the command line; --flag=value counts.
func (c *checker) flagValues(name string) []string {
	var list []string
	mine := false
	for _, word := range c.argv {
		if !strings.HasPrefix(word, "--") {
			if mine {
				list = append(list, word)
			}
			continue
		}
		flag, value, joined := strings.Cut(word, "=")
		mine = strings.ReplaceAll(flag[2:], "_", "-") == name
		if mine && joined {
			list = append(list, value)
		}
	}
	return list
}

func (c *checker) hasFlag(name string) bool {
	return slices.ContainsFunc(c.argv, func(word string) bool {
		flag, _, _ := strings.Cut(word, "=")
		return strings.HasPrefix(flag, "--") && strings.ReplaceAll(flag[2:], "_", "-") == name
	})
}

// valueOf is the value of a variable in an environment (NAME=value), "" where it is not set.
func valueOf(env []string, name string) string {
	value, _ := lookupIn(env)(name)
	return value
}

// lookupIn looks variables up in an environment (NAME=value, each name once).
func lookupIn(env []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, entry := range env {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}
