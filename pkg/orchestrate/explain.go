package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// stepError says in which step of a pass an error came up; explain makes an *Error of it.
type stepError struct {
	step string
	err  error
}

// at notes the step; nil stays nil.
func at(step string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{step, err}
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// ServerFailure is a server that did not start, did not become ready, hung or died, and why.
type ServerFailure struct {
	// Err is what was seen.
	Err error
	// Failure is what it comes from.
	Failure server.Failure
	// Tree is the server's processes when it was found out, Step what was being done.
	Step string
	Tree []server.Proc
}

// Error is what happened in one line, the cause, and, where the class does not say why, the last lines of the log.
func (e *ServerFailure) Error() string {
	text := summaryOf(e.Err)
	if e.Failure.Line != "" {
		text += fmt.Sprintf("\ncause (%s): %s", e.Failure.Class, e.Failure.Line)
		if e.Failure.LineNumber > 0 {
			text += fmt.Sprintf(" (line %d of the log)", e.Failure.LineNumber)
		}
	}
	if len(e.Failure.Candidates) > 0 {
		text += "\nother errors in the log:\n  " + strings.Join(e.Failure.Candidates, "\n  ")
	}
	if len(e.Failure.Tail) > 0 {
		text += "\nthe last lines of the log:\n  " + strings.Join(e.Failure.Tail, "\n  ")
	}
	return text
}

// Unwrap returns what was seen.
func (e *ServerFailure) Unwrap() error { return e.Err }

// summaryOf is an error without the lines of the log that some carry.
func summaryOf(err error) string {
	var short interface{ Summary() string }
	if errors.As(err, &short) {
		return short.Summary()
	}
	return err.Error()
}

// signalWindow is how long after a server's end our own signal may come for the two to be one event: a batch system signals
// the whole process tree at once.
const signalWindow = time.Second

// explain makes the error of a pass that ended early: an interrupt, a failure of the server with its cause, or something
// else. ctx is the run's, which only a signal cancels.
func (p *pass) explain(ctx context.Context, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	step := "pass"
	var where *stepError
	if errors.As(err, &where) {
		step, err = where.step, where.err
	}
	name := p.name + ": " + step
	switch {
	// A port that is not free after the stop is the server's affair: as a rule its container is still there.
	case errors.As(err, new(*server.PortInUseError)) && !errors.As(err, new(*server.StopError)):
		return fail(ExitBusy, name, err, "stop what listens there, or set server.port to auto")
	case !isServerFailure(err):
		return fail(ExitInternal, name, err, "")
	}
	p.noteExit(step, err)
	if endedUnasked(err) && !pause(ctx, signalWindow) {
		return fail(ExitInternal, name, context.Cause(ctx), "")
	}
	if errors.Is(err, bench.ErrStalled) {
		err = &server.HangError{Err: err}
		p.keepMetrics(ctx)
	}
	failure := &ServerFailure{Err: err, Failure: p.diagnose(err), Step: name, Tree: p.tree()}
	hint := failure.Failure.Advice
	if p.proc != nil {
		hint = strings.TrimSpace(hint + " The whole log is in " + p.logPath() + ".")
	}
	code := ExitServer
	if failure.Failure.Class == server.FailurePortInUse {
		code = ExitBusy
	}
	return fail(code, name, failure, hint)
}

// isServerFailure tells a failure of the server from one of this program or its machine.
func isServerFailure(err error) bool {
	var command *server.CommandError
	var stop *server.StopError
	var sick *sickServer
	return endedUnasked(err) || errors.As(err, new(*server.StartError)) || errors.As(err, &command) ||
		errors.As(err, &stop) || errors.As(err, &sick) || errors.Is(err, bench.ErrStalled)
}

// endedUnasked tells whether err is the end of a server that nobody asked for.
func endedUnasked(err error) bool {
	var ended *server.ExitError
	var start *server.StartError
	return errors.As(err, &ended) || errors.As(err, &start) && start.Exit != nil
}

// sickServer is a server that lives and does not do its work.
type sickServer struct{ err error }

func (e *sickServer) Error() string { return e.err.Error() }
func (e *sickServer) Unwrap() error { return e.err }

// diagnose finds out why the server failed.
func (p *pass) diagnose(err error) server.Failure {
	if p.proc == nil {
		return server.Classify(server.Evidence{CommandErr: err})
	}
	failure := p.proc.Diagnose(err, server.OOMKills()-p.oomKills)
	failure.Retry = failure.Retry || failure.Class == server.FailurePortInUse && p.takesAnotherPort()
	return failure
}

// noteExit keeps the end of a server, or of a part of it, that nobody asked for.
func (p *pass) noteExit(phase string, err error) {
	if p.proc == nil {
		return
	}
	exit := p.proc.Exit()
	info := &report.ServerExit{Phase: phase}
	var ended *server.ExitError
	if errors.As(err, &ended) {
		exit = &ended.Exit
		if ended.Member != nil {
			info.Member = ended.Member.String()
		}
	}
	if exit == nil {
		return
	}
	info.Status, info.Signal = exit.Status, exit.Signal
	p.info.ServerExit = info
}

// tree is the server's processes when it failed.
func (p *pass) tree() []server.Proc {
	if p.proc == nil {
		return nil
	}
	return p.proc.Tree()
}

// keepMetrics stores the metrics of a server that hangs, if it gives any.
func (p *pass) keepMetrics(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	text, err := p.control.Metrics(ctx)
	if err == nil {
		err = report.WriteFile(filepath.Join(p.dir, hangMetricsFile), text)
	}
	if err != nil {
		p.o.Observe(Note{Text: p.name + ": the metrics of the hanging server are not kept: " + err.Error()})
	}
}

// hangMetricsFile has the metrics of a server that hangs, in the folder of its pass.
const hangMetricsFile = "metrics-hang.prom"
