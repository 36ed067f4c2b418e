package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// faultName is the KIND of a --sim-fault.
type faultName string

// The faults.
const (
	faultExit          faultName = "exit"
	faultKill          faultName = "kill"
	faultKillAPI       faultName = "kill-api"
	faultKillEngine    faultName = "kill-engine"
	faultKillWorker    faultName = "kill-worker"
	faultEngineDead    faultName = "engine-dead"
	faultHangLoading   faultName = "hang-loading"
	faultOOMLoading    faultName = "oom-loading"
	faultFailLog       faultName = "fail-log"
	faultHang          faultName = "hang"
	faultSlowHealth    faultName = "slow-health"
	faultIgnoreSIGTERM faultName = "ignore-sigterm"
	faultSlowStop      faultName = "slow-stop"
	faultOrphanOnExit  faultName = "orphan-on-exit"
	faultDoubleFork    faultName = "double-fork"
	faultOwnSession    faultName = "own-session"
	faultLogFlood      faultName = "log-flood"
	faultLogNoNewline  faultName = "log-no-newline"
	faultLogInvalid    faultName = "log-invalid-utf8"
	faultErrorEvent    faultName = "error-event"
	faultCutStream     faultName = "cut-stream"
	faultStall         faultName = "stall"
	faultNoUsage       faultName = "no-usage"
	faultNoDone        faultName = "no-done"
	faultWrongCount    faultName = "wrong-count"
	faultWrongPrompt   faultName = "wrong-prompt-count"
	faultTruncate      faultName = "truncate"
	faultAbort         faultName = "abort"
	faultHTTP500       faultName = "http-500"
)

// ending is how a fault ends the process.
type ending int

const (
	endNever ending = iota
	endExit
	endKill
	endOOM
	endHang
	endFailLog
)

// faultKind describes a fault: when it can strike and which settings it takes besides pass, after and count.
type faultKind struct {
	name faultName
	// phases are where it can strike; the first is the default.
	phases []phase
	// ending is set for faults that end the process, deed for faults that do something to it and let it go on, response for
	// faults of single responses. A fault with none of them is a condition that holds all the time.
	ending   ending
	deed     bool
	response bool
	// cutting faults strike in the middle of a response, after a number of tokens.
	cutting bool
	// tree faults need --sim-tree.
	tree bool
	keys []string
	// tokens, status and total are the defaults of the settings of these names.
	tokens int
	status int
	total  int64
	// help is what happens, in one line.
	help string
}

// The phases and settings that many faults share. A fault of the process strikes by the clock unless request or id is given.
var (
	wholeLife   = []phase{phaseServing, phaseLoading, phaseWarmup, phaseStopping}
	whileAlive  = []phase{phaseServing, phaseLoading, phaseWarmup}
	whileServed = []phase{phaseServing, phaseWarmup}
	onlyServing = []phase{phaseServing}

	atRequest = []string{"request", "id", "tokens"}
)

// faultKinds is the table of all faults. A new kind needs a name above, a line here and the place where it acts: the start-up
// (load.go), the process (lifecycle.go), a deed (deeds.go) or the response (completion.go, stream.go, whole.go).
var faultKinds = faultTable(
	faultKind{name: faultExit, phases: wholeLife, cutting: true, ending: endExit, keys: with(atRequest, "status"), status: 1,
		help: "the server exits with status=N (default 1)"},
	faultKind{name: faultKill, phases: wholeLife, cutting: true, ending: endKill, keys: atRequest,
		help: "the server ends itself by SIGKILL"},
	faultKind{name: faultKillAPI, phases: wholeLife, cutting: true, ending: endKill, keys: atRequest, tree: true,
		help: "the API server ends by SIGKILL; EngineCore and Worker live on"},
	faultKind{name: faultKillEngine, phases: whileAlive, deed: true, keys: with(atRequest, "delay", "status", "noticed"), tree: true,
		help: "EngineCore ends by SIGKILL, Worker lives on; then as engine-dead, or with noticed=no as hang"},
	faultKind{name: faultKillWorker, phases: whileAlive, deed: true, keys: with(atRequest, "delay", "status", "noticed"), tree: true,
		help: "Worker ends by SIGKILL, and EngineCore with it; then as engine-dead, or with noticed=no as hang"},
	faultKind{name: faultEngineDead, phases: whileServed, deed: true, keys: with(atRequest, "delay", "status", "class"),
		help: "an error event and [DONE] in every stream, /health 503, exit with status=N (default 0) after delay=DURATION " +
			"(default --sim-death-delay); class=CLASS logs a root cause first"},
	faultKind{name: faultHangLoading, phases: []phase{phaseLoading}, ending: endHang,
		help: "the start-up never ends"},
	faultKind{name: faultOOMLoading, phases: []phase{phaseLoading}, ending: endOOM,
		help: "CUDA out of memory while loading, exit 1"},
	faultKind{name: faultFailLog, phases: []phase{phaseLoading}, ending: endFailLog, keys: []string{"class", "status"}, status: 1,
		help: "the start-up fails with the log of class=CLASS, exit with status=N (default 1)"},
	faultKind{name: faultHang, phases: []phase{phaseServing, phaseWarmup, phaseStopping}, deed: true, keys: atRequest,
		help: "all streams fall silent for ever, /health stays 200; while stopping: the stop never ends"},
	faultKind{name: faultSlowHealth, phases: whileServed, deed: true, keys: with(atRequest, "for"),
		help: "/health takes for=DURATION to answer (default: for ever) while all else goes on"},
	faultKind{name: faultIgnoreSIGTERM, phases: []phase{phaseServing, phaseLoading},
		help: "SIGTERM has no effect on the server and its tree"},
	faultKind{name: faultSlowStop, phases: []phase{phaseStopping}, keys: []string{"for"},
		help: "the stop takes for=DURATION longer, streams ended (default: for ever)"},
	faultKind{name: faultOrphanOnExit, phases: onlyServing, tree: true,
		help: "however the server ends, EngineCore and Worker live on"},
	faultKind{name: faultDoubleFork, phases: whileAlive, deed: true, keys: atRequest,
		help: "a process with a session of its own, whose parent is gone, ignores SIGTERM and outlives the server"},
	faultKind{name: faultOwnSession, phases: whileAlive, deed: true, keys: atRequest,
		help: "a child has a child with a session of its own, which ignores SIGTERM and outlives the server"},
	faultKind{name: faultLogFlood, phases: whileAlive, deed: true, keys: with(atRequest, "rate", "total"),
		help: "lines are logged at rate=BYTES/s (default 100MB/s) up to total=BYTES (default: without end)"},
	faultKind{name: faultLogNoNewline, phases: whileAlive, deed: true, keys: with(atRequest, "rate", "total"), total: 1e6,
		help: "total=BYTES (default 1MB) are logged at rate=BYTES/s with no newline"},
	faultKind{name: faultLogInvalid, phases: whileAlive, deed: true, keys: with(atRequest, "rate", "total"), total: 1e6,
		help: "total=BYTES (default 1MB) are logged at rate=BYTES/s that are no UTF-8"},
	faultKind{name: faultErrorEvent, phases: onlyServing, cutting: true, response: true, keys: atRequest, tokens: 1,
		help: "an error event inside the 200 stream, then [DONE]"},
	faultKind{name: faultCutStream, phases: onlyServing, cutting: true, response: true, keys: atRequest, tokens: 1,
		help: "the connection breaks inside the body"},
	faultKind{name: faultStall, phases: onlyServing, cutting: true, response: true, keys: atRequest, tokens: 1,
		help: "the response falls silent for ever, the connection stays"},
	faultKind{name: faultNoUsage, phases: onlyServing, response: true, keys: []string{"request", "id"},
		help: "the response lacks usage"},
	faultKind{name: faultNoDone, phases: onlyServing, response: true, keys: []string{"request", "id"},
		help: "the stream ends without [DONE]"},
	faultKind{name: faultWrongCount, phases: onlyServing, response: true, keys: []string{"request", "id", "by"},
		help: "usage.completion_tokens is wrong by=N (default -1)"},
	faultKind{name: faultWrongPrompt, phases: onlyServing, response: true, keys: []string{"request", "id", "by"},
		help: "usage.prompt_tokens is wrong by=N (default -1)"},
	faultKind{name: faultTruncate, phases: onlyServing, response: true, keys: atRequest, tokens: 1,
		help: "the output ends after tokens=N with finish reason length, whatever was asked"},
	faultKind{name: faultAbort, phases: onlyServing, cutting: true, response: true, keys: atRequest, tokens: 1,
		help: "the output ends with finish reason abort"},
	faultKind{name: faultHTTP500, phases: onlyServing, response: true, keys: []string{"request", "id"},
		help: "the response is an internal server error"},
)

// with returns the keys and some more.
func with(keys []string, more ...string) []string { return append(slices.Clone(keys), more...) }

func faultTable(kinds ...faultKind) map[faultName]faultKind {
	table := make(map[faultName]faultKind, len(kinds))
	for _, kind := range kinds {
		table[kind.name] = kind
	}
	return table
}

func faultNames() []string {
	var names []string
	for name := range faultKinds {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// allowedKeys are all settings that a fault of this kind takes.
func (k faultKind) allowedKeys() []string {
	keys := append([]string{"pass", "after", "count"}, k.keys...)
	if len(k.phases) > 1 {
		keys = append(keys, "phase")
	}
	return keys
}

// phaseNames lists the phases in which the fault can strike, the default first.
func (k faultKind) phaseNames() string {
	names := make([]string, len(k.phases))
	for i, p := range k.phases {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// faultHelp describes every fault, for --help.
func faultHelp() string {
	var b strings.Builder
	for _, name := range faultNames() {
		kind := faultKinds[faultName(name)]
		fmt.Fprintf(&b, "  %-17s %s\n", name, kind.help)
		fmt.Fprintf(&b, "  %-17s   settings: %s; phases: %s\n", "", strings.Join(kind.allowedKeys(), ", "), kind.phaseNames())
	}
	return b.String()
}
