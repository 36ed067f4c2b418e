package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/squeezebits/sqzb-orchestrate/pkg/orchestrate"
	"github.com/squeezebits/sqzb-orchestrate/pkg/selftest"
)

func selftestCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:  "selftest",
		Usage: "measure how exact this program's client is on this machine",
		UsageText: "sqzb-orchestrate selftest [--concurrency N,N,…] [--interval DURATION] [--duration DURATION]\n" +
			"                          [--client-cpus LIST] [--keep DIR] [--json]",
		Description: "Streams from a server that knows when it sent each token, at several numbers of streams at once, and holds\n" +
			"what the client saw against it. Give the machine nothing else to do meanwhile. The result is kept for check.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "concurrency", Value: ladder(selftest.DefaultStreams()), Usage: "how many streams at once, one after the other: `N,N,…`"},
			&cli.DurationFlag{Name: "interval", Value: selftest.DefaultInterval, Usage: "`DURATION` from token to token of a stream"},
			&cli.DurationFlag{Name: "duration", Value: selftest.DefaultDuration, Usage: "`DURATION` of each stream"},
			&cli.StringFlag{Name: "client-cpus", Usage: "confine the client to the processors in `LIST`, such as 0-3,8, and the server to the others"},
			&cli.StringFlag{Name: "keep", Usage: "leave the records and what the server noted in `DIR`, to compute the figures anew"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON on stdout instead of a table"},
		},
		Action: noArguments(p.selftest),
	}
}

// selftest prints what was found, also when it was interrupted; only a whole result is kept.
func (p *program) selftest(c *cli.Context) error {
	o, err := selftestOptions(c)
	if err != nil {
		return err
	}
	talk := newTalk(p.stderr)
	o.Talk = func(text string) { talk.observe(orchestrate.Note{Text: text}) }
	ctx, _, stop := interruptible(c.Context, p.stderr, 0)
	defer stop()
	result, failed := selftest.Run(ctx, o)
	if errors.Is(failed, selftest.ErrUsage) {
		return usageError{text: failed.Error()}
	}
	if result != nil && len(result.Levels) > 0 {
		if err := p.printSelftest(result, c.Bool("json")); err != nil {
			return err
		}
	}
	if failed != nil {
		return selftestError(failed)
	}
	return p.keepSelftest(result)
}

func selftestOptions(c *cli.Context) (selftest.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return selftest.Options{}, fmt.Errorf("finding this program: %w", err)
	}
	o := selftest.Options{Self: self, Interval: c.Duration("interval"), Duration: c.Duration("duration"), Keep: c.String("keep"),
		Version: version}
	if o.Streams, err = parseLadder(c.String("concurrency")); err != nil {
		return o, err
	}
	if o.ClientCPUs, err = selftest.ParseCPUs(c.String("client-cpus")); err != nil {
		return o, usageError{text: fmt.Sprintf("--client-cpus: %v", err)}
	}
	return o, nil
}

func ladder(streams []int) string {
	texts := make([]string, len(streams))
	for i, n := range streams {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

func parseLadder(text string) ([]int, error) {
	var streams []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, usageError{text: fmt.Sprintf("--concurrency: got %q; allowed numbers from 1 up, such as 64,256", text)}
		}
		streams = append(streams, n)
	}
	return slices.Compact(slices.Sorted(slices.Values(streams))), nil
}

func (p *program) printSelftest(r *selftest.Result, asJSON bool) error {
	text := r.Text()
	if asJSON {
		var err error
		if text, err = r.JSON(); err != nil {
			return err
		}
	}
	_, err := p.stdout.Write(text)
	return err
}

// keepSelftest stores a result for the check. That it cannot be kept does not make it wrong.
func (p *program) keepSelftest(r *selftest.Result) error {
	dir := selftest.Dir(os.LookupEnv)
	if dir == "" {
		return nil
	}
	if _, err := r.Store(dir); err != nil {
		fmt.Fprintf(p.stderr, "warning: %v\n", err)
	}
	return nil
}

// selftestError gives an error its exit code: an interrupt has its own, a metronome that failed is a server that did.
func selftestError(err error) error {
	code := orchestrate.ExitInternal
	var signal orchestrate.SignalError
	var server *selftest.MetronomeError
	switch {
	case errors.As(err, &signal):
		code, err = signal.ExitCode(), signal
	case errors.As(err, &server):
		code = orchestrate.ExitServer
	}
	return &orchestrate.Error{Code: code, Step: "selftest", Err: err}
}
