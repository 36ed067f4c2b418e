package server

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPhasesOfRealLogs feeds start-up logs line by line and expects the phases in the order in which they were reached.
func TestPhasesOfRealLogs(t *testing.T) {
	tests := []struct {
		log  string
		want []string
	}{
		{"cuda.log", []string{
			"importing", "initializing the engine", "loading weights", "loading weights 0/4", "loading weights 1/4", "loading weights 4/4",
			"compiling", "profiling memory", "capturing graphs 0/67", "capturing graphs 67/67", "capturing graphs 1/35",
			"capturing graphs 35/35", "starting the API server",
		}},
		{"gaudi.log", []string{
			"importing", "initializing the engine", "loading weights 0/2", "loading weights 2/2", "profiling memory",
			"capturing graphs 1/24", "capturing graphs 24/24", "capturing graphs 1/12", "starting the API server",
		}},
	}
	for _, test := range tests {
		t.Run(test.log, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + test.log)
			if err != nil {
				t.Fatal(err)
			}
			var s phaseScanner
			var got []string
			for line := range strings.Lines(string(data)) {
				for _, piece := range strings.SplitAfter(line, "\r") {
					s.feed([]byte(piece))
					if phase := s.phase.String(); len(got) == 0 || got[len(got)-1] != phase {
						got = append(got, phase)
					}
				}
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("phases (-got +want):\n%s", diff)
			}
		})
	}
}

func TestPhaseScanner(t *testing.T) {
	tests := []struct {
		name string
		log  string
		want Phase
	}{
		{"nothing", "", Phase{}},
		{"only line ends", "\r\n\n", Phase{}},
		{"anything", "x", Phase{State: StateImporting}},
		{"never back", "torch.compile takes 1 s\nStarting to load model\n", Phase{State: StateCompiling}},
		{"a count of another phase does not count", "Starting to load model\nFetching: | 3/9 [\n", Phase{State: StateLoading}},
		{"a bar without its end", "Loading safetensors checkpoint shards:  25% Completed | 1/4 [", Phase{StateLoading, 1, 4}},
		{"a count cut off", "Loading safetensors checkpoint shards:  25% Completed | 1/1", Phase{State: StateLoading}},
		{"a date is no count", "Starting to load model 2026/11 [x]\n", Phase{State: StateLoading}},
		{"a count too long", "Starting to load model | 1/12345678901234567890 [", Phase{State: StateLoading}},
		{"a marker far behind in a line is not looked for", strings.Repeat("x", maxMarkerLine) + "Starting to load model\n", Phase{State: StateImporting}},
		{"the line after a very long one is", strings.Repeat("x", 1<<20) + "\nStarting to load model\n", Phase{State: StateLoading}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s phaseScanner
			s.feed([]byte(test.log))
			if diff := cmp.Diff(s.phase, test.want); diff != "" {
				t.Errorf("phase (-got +want):\n%s", diff)
			}
		})
	}
}

func TestStateString(t *testing.T) {
	for state, want := range map[State]string{StateLaunching: "launching", StateReady: "ready", -1: "State(-1)", 99: "State(99)"} {
		if got := state.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzPhaseScanner checks that it does not matter in which pieces a log is read.
func FuzzPhaseScanner(f *testing.F) {
	f.Add([]byte("Loading safetensors checkpoint shards: | 1/4 [\rStarting to load model\n"), 7)
	f.Add([]byte("init engine took\nCapturing CUDA graphs | 1/2 [\xff"), 20)
	f.Add([]byte("[Warmup][Prompt][1/24] torch.compile takes\r\n"), 0)
	f.Fuzz(func(t *testing.T, log []byte, at int) {
		var whole, pieces phaseScanner
		whole.feed(log)
		at = min(max(at, 0), len(log))
		pieces.feed(log[:at])
		pieces.feed(log[at:])
		if whole.phase != pieces.phase {
			t.Errorf("whole %v, in pieces %v", whole.phase, pieces.phase)
		}
		if len(whole.line) > maxMarkerLine {
			t.Errorf("kept %d bytes of a line", len(whole.line))
		}
	})
}
