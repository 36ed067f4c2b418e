package server

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

// State is a stage of a server's start. The order of the constants is that of a start.
type State int

// The states of a server. All but the first and the last are read from the log and are for display only: the wording of the
// log changes from version to version.
const (
	// StateLaunching: the process was started and has not written anything.
	StateLaunching State = iota
	StateImporting
	StateInitializing
	StateLoading
	StateCompiling
	StateProfiling
	StateCapturing
	StateServing
	// StateReady: a probe succeeded.
	StateReady
)

var stateNames = [...]string{
	StateLaunching:    "launching",
	StateImporting:    "importing",
	StateInitializing: "initializing the engine",
	StateLoading:      "loading weights",
	StateCompiling:    "compiling",
	StateProfiling:    "profiling memory",
	StateCapturing:    "capturing graphs",
	StateServing:      "starting the API server",
	StateReady:        "ready",
}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "State(" + strconv.Itoa(int(s)) + ")"
	}
	return stateNames[s]
}

// Phase is how far a server has come. The zero value is that of a server just launched.
type Phase struct {
	State State
	// Done of Total steps of the state are done (checkpoint shards, graphs); Total is 0 where the log does not count.
	Done, Total int
}

// String gives the phase as people read it: "loading weights 1/4".
func (p Phase) String() string {
	if p.Total == 0 {
		return p.State.String()
	}
	return fmt.Sprintf("%v %d/%d", p.State, p.Done, p.Total)
}

// markers are the texts by which a log line tells that a state was reached, latest state first.
var markers = []struct {
	state State
	text  []byte
}{
	{StateServing, []byte("init engine (profile")},
	{StateServing, []byte("init engine took")},
	{StateServing, []byte("Starting vLLM API server")},
	{StateServing, []byte("Starting vLLM server")},
	{StateServing, []byte("Started server process")},
	{StateServing, []byte("Application startup complete")},
	{StateCapturing, []byte("Capturing CUDA graph")},
	{StateCapturing, []byte("Capturing cudagraphs")},
	{StateCapturing, []byte("Graph capturing finished")},
	// Gaudi runs every bucket once: [Warmup][Prompt][3/24].
	{StateCapturing, []byte("[Warmup][")},
	{StateProfiling, []byte("Available KV cache memory")},
	{StateProfiling, []byte("GPU KV cache size")},
	{StateProfiling, []byte("CPU KV cache size")},
	{StateProfiling, []byte("Maximum concurrency for")},
	{StateProfiling, []byte("Memory profiling takes")},
	{StateCompiling, []byte("Dynamo bytecode transform time")},
	{StateCompiling, []byte("torch.compile takes")},
	{StateCompiling, []byte("torch.compile took")},
	{StateLoading, []byte("Starting to load model")},
	{StateLoading, []byte("checkpoint shards:")},
	{StateLoading, []byte("loading shards:")},
	{StateLoading, []byte("Loading weights took")},
	{StateLoading, []byte("Model loading took")},
	{StateInitializing, []byte("LLM engine (v")},
}

// counter is a progress bar's count, "| 1/4 [", or Gaudi's, "[1/24]".
var counter = regexp.MustCompile(`(?:\| *|\[)(\d{1,6})/(\d{1,6})(?: \[|\])`)

// maxMarkerLine is how much of a line is searched for markers, in bytes.
const maxMarkerLine = 4 << 10

// phaseScanner follows the phase through a log that comes in pieces. Phases never go back: with several engines the lines
// of one that is behind are mixed with those of another.
type phaseScanner struct {
	phase Phase
	// line is the beginning of the line that is still being written.
	line []byte
}

// feed reads the next piece of the log. Lines end at newlines and at carriage returns, with which progress bars rewrite
// themselves.
func (s *phaseScanner) feed(data []byte) {
	for len(data) > 0 {
		i := bytes.IndexAny(data, "\r\n")
		piece := data
		if i >= 0 {
			piece = data[:i]
		}
		s.line = append(s.line, piece[:min(len(piece), maxMarkerLine-len(s.line))]...)
		s.look()
		if i < 0 {
			return
		}
		s.line = s.line[:0]
		data = data[i+1:]
	}
}

// skip says that a part of the log was left out.
func (s *phaseScanner) skip() { s.line = s.line[:0] }

// look takes the phase from the current line, which may be incomplete.
func (s *phaseScanner) look() {
	if len(s.line) == 0 {
		return
	}
	reached := max(s.phase.State, StateImporting)
	for _, m := range markers {
		if m.state < reached {
			break
		}
		if bytes.Contains(s.line, m.text) {
			s.reach(m.state)
			return
		}
	}
	if s.phase.State < StateImporting {
		s.phase = Phase{State: StateImporting}
	}
}

// reach moves to a state and takes over the count of the current line, if it has one.
func (s *phaseScanner) reach(state State) {
	if state != s.phase.State {
		s.phase = Phase{State: state}
	}
	found := counter.FindSubmatch(s.line)
	if found == nil {
		return
	}
	// Six digits at most, so these cannot fail.
	done, _ := strconv.Atoi(string(found[1]))
	total, _ := strconv.Atoi(string(found[2]))
	s.phase.Done, s.phase.Total = done, total
}
