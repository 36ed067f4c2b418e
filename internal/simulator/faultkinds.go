package simulator

import "slices"

// faultName is the KIND of a --sim-fault.
type faultName string

// The faults.
const (
	faultExit          faultName = "exit"           // the process exits with status=N (default 1)
	faultKill          faultName = "kill"           // the process kills itself with SIGKILL
	faultHangLoading   faultName = "hang-loading"   // the start-up never ends
	faultOOMLoading    faultName = "oom-loading"    // CUDA out of memory while loading, exit 1
	faultIgnoreSIGTERM faultName = "ignore-sigterm" // a request to stop has no effect
	faultErrorEvent    faultName = "error-event"    // an error event inside the 200 stream, then [DONE]
	faultCutStream     faultName = "cut-stream"     // the connection breaks inside the body
	faultNoUsage       faultName = "no-usage"       // the response lacks usage
	faultNoDone        faultName = "no-done"        // the stream ends without [DONE]
	faultWrongCount    faultName = "wrong-count"    // usage.completion_tokens is wrong by=N (default −1)
	faultAbort         faultName = "abort"          // the output ends with finish reason abort
	faultHTTP500       faultName = "http-500"       // the response is an internal server error
)

// ending is how a fault ends the process.
type ending int

const (
	endNever ending = iota
	endExit
	endKill
	endOOM
	endHang
)

// faultKind describes a fault: when it can strike and which settings it takes besides pass and after.
type faultKind struct {
	name  faultName
	phase phase
	// ending is set for faults of the process, response for faults of single responses.
	ending   ending
	response bool
	// cutting faults strike in the middle of a response, after a number of tokens.
	cutting bool
	keys    []string
	// tokens is the default of the setting of that name.
	tokens int
}

// faultKinds is the table of all faults. A new kind needs a name above, a line here and the place where it acts: the process
// (lifecycle.go) or the response (completion.go,
// stream.go, whole.go).
var faultKinds = faultTable(
	faultKind{name: faultExit, phase: phaseServing, cutting: true, ending: endExit, keys: []string{"status", "phase", "request", "id", "tokens"}},
	faultKind{name: faultKill, phase: phaseServing, cutting: true, ending: endKill, keys: []string{"phase", "request", "id", "tokens"}},
	faultKind{name: faultHangLoading, phase: phaseLoading, ending: endHang},
	faultKind{name: faultOOMLoading, phase: phaseLoading, ending: endOOM},
	faultKind{name: faultIgnoreSIGTERM, phase: phaseServing, keys: []string{"phase"}},
	faultKind{name: faultErrorEvent, phase: phaseServing, cutting: true, response: true, keys: []string{"request", "id", "tokens"}, tokens: 1},
	faultKind{name: faultCutStream, phase: phaseServing, cutting: true, response: true, keys: []string{"request", "id", "tokens"}, tokens: 1},
	faultKind{name: faultNoUsage, phase: phaseServing, response: true, keys: []string{"request", "id"}},
	faultKind{name: faultNoDone, phase: phaseServing, response: true, keys: []string{"request", "id"}},
	faultKind{name: faultWrongCount, phase: phaseServing, response: true, keys: []string{"request", "id", "by"}},
	faultKind{name: faultAbort, phase: phaseServing, cutting: true, response: true, keys: []string{"request", "id", "tokens"}, tokens: 1},
	faultKind{name: faultHTTP500, phase: phaseServing, response: true, keys: []string{"request", "id"}},
)

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
