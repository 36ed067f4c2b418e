package simulator

import (
	"strings"
	"testing"
)

// Every class is logged where it arises first, and then by all processes above it.
func TestFailLogs(t *testing.T) {
	for _, class := range failureClasses() {
		t.Run(class, func(t *testing.T) {
			t.Parallel()
			s := launchInstance(t, "--sim-fault", "fail-log:after=1ms,status=4,class="+class)
			if got := s.exit(); got != 4 {
				t.Errorf("got exit status %d, want 4", got)
			}
			text, f := s.stderr.String(), failLogs[class]
			for line := range strings.Lines(f.exception) {
				at := strings.Index(text, strings.TrimSpace(line))
				if at < 0 {
					t.Fatalf("no %q in\n%s", line, text)
				}
				before := text[strings.LastIndexByte(text[:at], '\n')+1 : at]
				if !strings.HasPrefix(before, "("+f.process+" pid=") {
					t.Errorf("got %q before the cause, want the prefix of %s", before, f.process)
				}
			}
			last := "Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}"
			if got := strings.Contains(text, last); got != (f.process != fromAPI) {
				t.Errorf("the API server speaks of its engine: got %t in\n%s", got, text)
			}
		})
	}
}

func TestEngineDeathCause(t *testing.T) {
	s := startInstance(t, "--sim-death-delay", "1ms", "--sim-fault", "engine-dead:class=out_of_memory,request=0,status=5")
	if _, text, err := s.post("r", body(8, nil)); err != nil || len(events(text)) != 2 || !strings.Contains(text, engineDead) {
		t.Errorf("got %q, %v; want an error event and [DONE] and nothing before", text, err)
	}
	if got := s.exit(); got != 5 {
		t.Errorf("got exit status %d, want 5", got)
	}
	text := s.stderr.String()
	previous := 0
	for _, want := range []string{
		"WorkerProc hit an exception.", "torch.OutOfMemoryError: CUDA out of memory", "EngineCore encountered a fatal error.",
		"RuntimeError: Worker failed with error 'CUDA out of memory", "AsyncLLM output_handler failed.", "EngineDeadError",
	} {
		at := strings.Index(text, want)
		if at < previous {
			t.Errorf("%q at %d, want it after %d in\n%s", want, at, previous, text)
		}
		previous = at
	}
}
