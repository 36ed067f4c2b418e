package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// FailureClass names a kind of failure of a server. The values are part of the output (failure.json) and do not change.
type FailureClass string

// The classes. docs/failures.md says of each what it means and what to do.
const (
	// The command line.
	FailureUnknownFlag  FailureClass = "unknown_flag"
	FailureInvalidValue FailureClass = "invalid_flag_value"
	FailureFlagConflict FailureClass = "flag_conflict"

	// The model.
	FailureModelNotFound    FailureClass = "model_not_found"
	FailureModelFiles       FailureClass = "model_files"
	FailureHFAccess         FailureClass = "hf_access"
	FailureUnsupportedModel FailureClass = "unsupported_model"
	FailureRemoteCode       FailureClass = "remote_code"
	FailureTokenizer        FailureClass = "tokenizer"

	// Memory.
	FailureFreeMemory       FailureClass = "free_memory"
	FailureMemoryProfiling  FailureClass = "memory_profiling"
	FailureKVCacheMemory    FailureClass = "kv_cache_memory"
	FailureOutOfMemoryStart FailureClass = "out_of_memory_loading"
	FailureOutOfMemory      FailureClass = "out_of_memory"
	FailureHostMemory       FailureClass = "host_memory"
	FailureSharedMemory     FailureClass = "shared_memory"
	FailureKilledByOOM      FailureClass = "killed_by_oom"

	// Devices and what connects them.
	FailureDriverMismatch FailureClass = "driver_mismatch"
	FailureNoDevice       FailureClass = "no_device"
	FailureDeviceAssert   FailureClass = "device_assert"
	FailureNCCL           FailureClass = "nccl"

	// The machine and what is installed on it.
	FailurePortInUse            FailureClass = "port_in_use"
	FailureModuleMissing        FailureClass = "module_missing"
	FailureCompilerMissing      FailureClass = "compiler_missing"
	FailureCommandNotFound      FailureClass = "command_not_found"
	FailureCommandNotExecutable FailureClass = "command_not_executable"
	FailureNotStarted           FailureClass = "not_started"
	FailureWrapper              FailureClass = "wrapper"
	FailureDiskFull             FailureClass = "disk_full"
	FailureOpenFiles            FailureClass = "open_files"
	FailurePermission           FailureClass = "permission"

	// The way the server ended, where the log names no cause.
	FailureReadyTimeout FailureClass = "ready_timeout"
	FailureEngineDeath  FailureClass = "engine_death"
	FailureHang         FailureClass = "hang"
	FailureUnhealthy    FailureClass = "unhealthy"
	FailureNotGone      FailureClass = "not_gone"
	FailureNativeCrash  FailureClass = "native_crash"
	FailureKilled       FailureClass = "killed"
	FailureExited       FailureClass = "exited"
)

// Failure is why a server failed.
type Failure struct {
	Class FailureClass `json:"class"`
	// Line is the cause as the log or an error says it, in one line fit for a terminal: without the prefixes that name
	// process, level and time, and abbreviated. Of a configuration error it is the field and what is wrong with it. It is
	// empty only if no line tells anything and nothing is known of the end.
	Line string `json:"line"`
	// LineNumber is where Line stands in the log, counted from 1; 0 when it does not come from the log.
	LineNumber int `json:"line_number,omitempty"`
	// Advice is what to do about it, in a sentence or two.
	Advice string `json:"advice"`
	// Retry is true when the same start may well succeed a little later, with nothing changed.
	Retry bool `json:"retry"`
	// Candidates are the first few errors in the log, exceptions before messages, and Tail its last lines; both only where
	// the class says how the server ended but not why.
	Candidates []string `json:"candidates,omitempty"`
	Tail       []string `json:"tail,omitempty"`
}

// Evidence is what is known of a failure. The zero value is a server that ended without a trace.
type Evidence struct {
	// Log is the log, read from its current position to what is its end when Classify is called; nil if there is none.
	// An *os.File does; so does a bytes.Reader.
	Log io.ReadSeeker
	// Exit is how the leader ended, nil if it runs or was never started.
	Exit *Exit
	// Member names the process whose end Exit is; empty for the leader.
	Member string
	// Phase is how far the server had come.
	Phase Phase
	// Ready is true when the server had been ready: then it died under load, and what it logged before that is no cause.
	Ready bool
	// ReadyTimeout is true when it was given up because it was not ready in time.
	ReadyTimeout bool
	// Hung is true when it was given up because nothing came back from it any more.
	Hung bool
	// CommandErr is the error of Start, PortErr that of CheckPort; nil when there was none.
	CommandErr, PortErr error
	// OOMKills is by how much oom_kill in the cgroup's memory.events has grown since the launch.
	OOMKills int
}

// Classify finds out why a server failed. The cause is the first error of the log that explains the end, not the last one:
// vLLM reports a failure once more in every process it passes through, and ends with "See root cause above". Only errors
// count, that is the last lines of tracebacks, messages of level ERROR and above, and a few texts of programs that are not
// Python; a hint or a warning that mentions running out of memory does not.
//
// Of a long log the first and the last 8 MiB are searched, so memory and time are bounded whatever the log holds; an error
// in reading it counts as its end.
func Classify(e Evidence) Failure {
	switch {
	case e.CommandErr != nil:
		return commandFailure(e.CommandErr)
	case e.PortErr != nil:
		return Failure{Class: FailurePortInUse, Line: causeLine(e.PortErr.Error()), Advice: advice[FailurePortInUse]}
	}
	found := scanLog(e.Log, e.Ready)
	f := found.verdict(e)
	switch f.Class {
	case FailureExited, FailureEngineDeath, FailureKilled, FailureNativeCrash, FailureReadyTimeout, FailureKilledByOOM,
		FailureHang, FailureUnhealthy:
		f.Candidates = found.candidateLines()
		f.Tail = lastLogged(e.Log, found.start, found.end)
	}
	if f.Line == "" {
		f.Line = fallbackLine(e, f)
	}
	return f
}

// commandFailure is the failure of a command that could not be started.
func commandFailure(err error) Failure {
	f := Failure{Class: FailureNotStarted, Line: causeLine(err.Error())}
	var command *CommandError
	if errors.As(err, &command) {
		f.Class = FailureCommandNotExecutable
		if errors.Is(err, fs.ErrNotExist) {
			f.Class = FailureCommandNotFound
		}
	}
	f.Advice = advice[f.Class]
	return f
}

// verdict weighs what the log says against what is known of the end.
func (s *scanner) verdict(e Evidence) Failure {
	signal := endSignal(e)
	switch cause := s.best; {
	case cause.weight == certain:
		return cause.failure(e)
	case e.OOMKills > 0:
		return Failure{Class: FailureKilledByOOM, Line: oomLine(e), Advice: advice[FailureKilledByOOM]}
	case cause.weight == likely:
		return cause.failure(e)
	case signal != "":
		class := signalClass(signal)
		if e.Member != "" && class == FailureKilled {
			// The API server may tell of it first, and knows no signal: the class must not depend on that.
			class = FailureEngineDeath
		}
		return Failure{Class: class, Line: endLine(e), Advice: advice[class]}
	case s.death.signal != "":
		class := signalClass(s.death.signal)
		return Failure{Class: class, Line: s.death.line, LineNumber: s.death.number, Advice: advice[class]}
	case e.ReadyTimeout:
		return Failure{Class: FailureReadyTimeout, Advice: timeoutAdvice(e.Phase)}
	case e.Hung:
		return Failure{Class: FailureHang, Advice: advice[FailureHang]}
	case e.Ready && e.Exit == nil && s.death.line == "":
		return Failure{Class: FailureUnhealthy, Advice: advice[FailureUnhealthy]}
	case e.Ready, s.death.line != "" && len(s.candidates) == 0:
		return s.engineDeath(e)
	case cause.weight == hint:
		return cause.failure(e)
	}
	return s.exited(e)
}

// engineDeath is the death of a server that logged no known cause: its line is the first error, be it unknown, else the first
// report of the death.
func (s *scanner) engineDeath(e Evidence) Failure {
	f := Failure{Class: FailureEngineDeath, Line: s.death.line, LineNumber: s.death.number, Advice: advice[FailureEngineDeath]}
	if len(s.candidates) > 0 {
		f.Line, f.LineNumber = causeLine(s.candidates[0].line), s.candidates[0].number
	}
	if !e.Ready {
		f.Advice = "The engine process ended during the start without saying why. Look for the out-of-memory killer (dmesg), and start " +
			"the server by hand with VLLM_LOGGING_LEVEL=DEBUG."
	}
	return f
}

// exited is the failure that nothing known explains.
func (s *scanner) exited(e Evidence) Failure {
	f := Failure{Class: FailureExited, Advice: advice[FailureExited]}
	if len(s.candidates) > 0 {
		f.Line, f.LineNumber = causeLine(s.candidates[0].line), s.candidates[0].number
	}
	if e.Exit == nil {
		return f
	}
	switch e.Exit.Status {
	case 0:
		f.Advice = "The server ended by itself with exit status 0. A command that only prints something (--help, --version), or " +
			"one that leaves the server in the background, does that; server.command must stay until the server ends."
	case 126, 127:
		f.Class = FailureCommandNotExecutable
		if e.Exit.Status == 127 {
			f.Class = FailureCommandNotFound
		}
		f.Line, f.LineNumber = causeLine(s.shell.line), s.shell.number
		f.Advice = "The script that server.command starts calls a program that cannot be run: give its full path, or set PATH in " +
			"server.env (that of a job is not that of a login shell)."
	}
	return f
}

// endSignal is the name of the signal that ended the process, also where a shell or a container reports it as 128 + n. It is
// empty if none did, and if it came from us: a start that took too long is ended by SIGKILL.
func endSignal(e Evidence) string {
	if e.Exit == nil || e.Exit.Asked || e.ReadyTimeout {
		return ""
	}
	if e.Exit.Signal != "" {
		return e.Exit.Signal
	}
	return signals[e.Exit.Status-128]
}

// signals are the signals that mean something here, by number. These numbers are the same on all systems, but for SIGBUS,
// which is 10 on macOS.
var signals = map[int]string{
	1: "SIGHUP", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM",
}

// signalClass is the class of an end by signal of which nothing else is known.
func signalClass(signal string) FailureClass {
	switch signal {
	case "SIGSEGV", "SIGABRT", "SIGILL", "SIGFPE":
		return FailureNativeCrash
	case "SIGBUS":
		return FailureSharedMemory
	}
	return FailureKilled
}

func oomLine(e Evidence) string {
	line := fmt.Sprintf("the kernel killed %d processes for lack of memory", e.OOMKills)
	if e.OOMKills == 1 {
		line = "the kernel killed 1 process for lack of memory"
	}
	if e.Exit != nil {
		line += "; the server: " + e.Exit.String()
	}
	return line
}

func timeoutAdvice(p Phase) string {
	return fmt.Sprintf("The server was still %v when the time was up. Give it more with server.ready_timeout if the log shows "+
		"progress; if it does not, look for a stuck process or a slow disk.", p)
}

// fallbackLine says how the server ended where the log has no line to show for it.
func fallbackLine(e Evidence, f Failure) string {
	last := lastWord(f.Tail)
	switch f.Class {
	case FailureReadyTimeout:
		return fmt.Sprintf("not ready in time, still %v", e.Phase)
	case FailureHang:
		return "requests were running and nothing came back"
	case FailureExited:
		return cmp.Or(last, endLine(e))
	}
	return cmp.Or(endLine(e), last)
}

// lastWord returns what may be the last word of a failing program: the last line that is no source, no warning and no
// progress bar, provided that nothing was logged below ERROR after it. Empty if there is none.
func lastWord(tail []string) string {
	for i := len(tail) - 1; i >= 0; i-- {
		l := parseLine(tail[i])
		if !l.failed() {
			return ""
		}
		if l.said() && !containsAny(l.text, []string{"Warning:", "it/s]", "s/it]"}) {
			return causeLine(l.text)
		}
	}
	return ""
}

func endLine(e Evidence) string {
	if e.Exit == nil {
		return ""
	}
	if e.Member != "" {
		return e.Member + ": " + e.Exit.String()
	}
	return e.Exit.String()
}

// causeLine makes text fit to be shown as a line.
func causeLine(text string) string { return abbreviate(strings.TrimSpace(clean(text)), maxLine) }
