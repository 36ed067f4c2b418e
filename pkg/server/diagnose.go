package server

import (
	"errors"
	"io"
	"os"
)

// HangError says that a server lives and nothing comes back from it.
type HangError struct{ Err error }

func (e *HangError) Error() string { return e.Err.Error() }

// Unwrap returns how that was noticed.
func (e *HangError) Unwrap() error { return e.Err }

// portNotFree is the advice for a server of which nothing is left but whose port is not free.
const portNotFree = "The server's processes are gone, and yet something listens on its port: if it runs in a container, see that " +
	"server.stop_command ends it."

// Diagnose says why the server failed, from what it logged since this launch and how it ended. err is what AwaitReady, Err
// or Stop returned, a *HangError, or another sign that it does not serve; oomKills is by how much OOMKills has grown since
// the launch.
func (p *Process) Diagnose(err error, oomKills int) Failure {
	var stop *StopError
	if errors.As(err, &stop) {
		f := Failure{Class: FailureNotGone, Line: causeLine(stop.Error()), Advice: advice[FailureNotGone]}
		if errors.As(err, new(*PortInUseError)) {
			f.Advice = portNotFree
		}
		return f
	}
	e := Evidence{Exit: p.Exit(), Phase: p.log.phase(), Ready: p.isReady(), OOMKills: oomKills,
		Hung: errors.As(err, new(*HangError))}
	var start *StartError
	if errors.As(err, &start) {
		e.ReadyTimeout = start.Exit == nil
	}
	var ended *ExitError
	if errors.As(err, &ended) {
		e.Exit = &ended.Exit
		if ended.Member != nil {
			e.Member = ended.Member.String()
		}
	}
	log, openErr := os.Open(p.opts.LogPath)
	if openErr == nil {
		defer log.Close()
		if _, seekErr := log.Seek(p.log.start, io.SeekStart); seekErr == nil {
			e.Log = log
		}
	}
	f := Classify(e)
	if f.Class == FailureHang || f.Class == FailureUnhealthy {
		f.Line = causeLine(err.Error())
	}
	return f
}
