package orchestrate

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ExitCode is what the program exits with.
type ExitCode int

// The exit codes.
const (
	ExitOK       ExitCode = 0 // done, verdict valid (or suspect and allowed)
	ExitInternal ExitCode = 1 // unexpected failure of this program, or of the machine under it (disk full)
	ExitUsage    ExitCode = 2 // wrong usage of the command line
	ExitRecipe   ExitCode = 3 // the recipe is wrong
	ExitDataset  ExitCode = 4 // the data set cannot be used
	ExitServer   ExitCode = 5 // the server did not start, did not become ready, or died
	ExitVerdict  ExitCode = 6 // the measurement is invalid or suspect
	ExitBusy     ExitCode = 8 // this box is busy: the port is in use by others
)

// severity orders exit codes from best to worst, for the exit code of several runs. An interrupt is the worst: it ended
// everything.
var severity = []ExitCode{ExitOK, ExitVerdict, ExitBusy, ExitDataset, ExitRecipe, ExitUsage, ExitServer, ExitInternal}

// Worse returns the worse of two exit codes.
func Worse(a, b ExitCode) ExitCode {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(c ExitCode) int {
	for i, s := range severity {
		if s == c {
			return i
		}
	}
	return len(severity) + int(c)
}

// Error is a failed step of a run: what was being done, why it failed, what to do about it, and the exit code.
type Error struct {
	Code ExitCode
	// Step is what was being done, such as "data set" or "full pass: start".
	Step string
	// Err is the cause.
	Err error
	// Hint is what to do about it; may be empty.
	Hint string
}

// Error returns "step: cause".
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// fail wraps err as a failed step; an error that already carries a code, and an interrupt, keep theirs.
func fail(code ExitCode, step string, err error, hint string) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var sig SignalError
	if errors.As(err, &sig) {
		return &Error{Code: sig.ExitCode(), Step: step, Err: sig}
	}
	return &Error{Code: code, Step: step, Err: err, Hint: hint}
}

// SignalError is the cause of a context that a signal cancelled.
type SignalError struct {
	Signal os.Signal
	// Deadline is by when the program must have ended; zero for no bound.
	Deadline time.Time
}

// Error names the signal.
func (e SignalError) Error() string { return "interrupted by " + e.Name() }

// Name is the signal's usual name.
func (e SignalError) Name() string {
	switch e.Signal {
	case os.Interrupt:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return e.Signal.String()
}

// ExitCode is 128 + the signal's number, as shells have it.
func (e SignalError) ExitCode() ExitCode {
	if s, ok := e.Signal.(syscall.Signal); ok {
		return ExitCode(128 + int(s))
	}
	return ExitInternal
}
