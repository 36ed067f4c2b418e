package simulator

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// The engine dies under load: every stream is told at once, and the server exits a little later with status 0.
func TestEngineDeath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   string
		kill    string
		tree    bool
		status  int
		log     string
		survive []string
	}{
		{name: "EngineCore from outside", kill: titleEngine, tree: true, survive: []string{titleWorker, shownTracker}},
		{name: "Worker from outside", kill: titleWorker, tree: true, log: "Worker proc VllmWorker-0 died unexpectedly (exit code: -9)"},
		{name: "EngineCore", fault: "kill-engine:id=-x,tokens=3,status=3", tree: true, status: 3, survive: []string{titleWorker, shownTracker}},
		{name: "Worker", fault: "kill-worker:request=1,tokens=3", tree: true, log: "Worker proc VllmWorker-0 died unexpectedly"},
		{name: "by word", fault: "engine-dead:request=1,tokens=3,delay=1ms"},
		{name: "by word with a tree", fault: "engine-dead:id=-x", tree: true},
		{name: "with a cause", fault: "engine-dead:id=-x,class=device_assert", log: "torch.AcceleratorError: CUDA error: an illegal memory access"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := []string{}
			if tt.tree {
				args = append(args, "--sim-tree")
			}
			if tt.fault != "" {
				args = append(args, "--sim-fault", tt.fault)
			}
			f := startFamily(t, args...).ready()
			s := f.instance()
			tracker := 0
			if tt.tree {
				tracker = f.find(shownTracker).pid
			}
			texts := make(chan string, 2)
			post := func(id string) {
				status, text, err := s.post(id, body(8, fields{"max_tokens": 2000}))
				if status != 200 || err != nil {
					t.Errorf("%s: got %d, %v; want 200 and a clean end of the body", id, status, err)
				}
				texts <- text
			}
			go post("r-a")
			s.until(func() bool { return s.metric("vllm:generation_tokens_total") > 0 })
			go post("r-x")
			if tt.kill != "" {
				f.kill(f.find(tt.kill).pid, syscall.SIGKILL)
			}
			for range 2 {
				text := <-texts
				all := events(text)
				if n := len(all); n < 2 || all[n-1] != "[DONE]" || !strings.HasPrefix(all[n-2], `{"error": {"message": "EngineCore encountered an issue.`) {
					t.Errorf("got a stream that ends with %q; want an error event and [DONE]", text[max(0, len(text)-400):])
				}
			}
			if got := f.exit(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			if tt.tree && len(tt.survive) == 0 {
				f.awaitEnd(tracker)
			}
			f.wantAlive(tt.survive...)
			for _, want := range []string{tt.log, "vllm.v1.engine.exceptions.EngineDeadError", "INFO:     Finished server process"} {
				f.stderr.wait(t, want)
			}
			truth := readTruthFile(t, TruthPath(f.truth, "m@run-full"))
			if len(truth.Requests) != 2 || truth.Requests[0].Fault != "engine-dead" || truth.Summary == nil {
				t.Errorf("got truth %+v, want two requests with the fault and a summary", truth)
			}
		})
	}
}

// /health tells the death while the server is still there, and new requests fail.
func TestHealthOfDeadEngine(t *testing.T) {
	t.Parallel()
	f := startFamily(t, "--sim-tree", "--sim-death-delay", "1h").ready()
	s := f.instance()
	f.kill(f.find(titleEngine).pid, syscall.SIGKILL)
	f.stderr.wait(t, "EngineDeadError")
	if status, _ := s.get("/health"); status != http.StatusServiceUnavailable {
		t.Errorf("got %d from /health, want 503", status)
	}
	if status, text, err := s.post("r", body(8, nil)); status != 200 || err != nil || !strings.HasPrefix(text, `data: {"error": `) {
		t.Errorf("got %d, %q, %v; want an error event", status, text, err)
	}
	if status, text, err := s.post("r", body(8, fields{"stream": false})); status != 500 || err != nil || !strings.Contains(text, engineDead) {
		t.Errorf("got %d, %q, %v; want an internal server error", status, text, err)
	}
	f.kill(f.cmd.Process.Pid, syscall.SIGTERM)
	if got := f.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
}

// A death that the server does not notice is a hang with a healthy face.
func TestUnnoticedDeath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault string
		alive []string
	}{
		{"kill-engine:noticed=no", []string{titleWorker, "leader", shownTracker}},
		{"kill-worker:noticed=no", []string{titleEngine, "leader", shownTracker}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			f := startFamily(t, "--sim-tree", "--sim-fault", tt.fault+",request=0,tokens=2").ready()
			s := f.instance()
			victim := map[bool]string{true: titleEngine, false: titleWorker}[strings.Contains(tt.fault, "engine")]
			pid := f.find(victim).pid
			text, err := s.postFor(pid, f, body(8, fields{"max_tokens": 2000}))
			if err == nil || strings.Contains(text, "error") || !strings.Contains(text, `"choices"`) {
				t.Errorf("got %q, %v; want a stream that begins and falls silent", text, err)
			}
			if status, _ := s.get("/health"); status != 200 {
				t.Errorf("got %d from /health, want 200", status)
			}
			f.wantAlive(tt.alive...)
		})
	}
}

func TestDeathWhileLoading(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault   string
		status  int
		log     string
		survive []string
	}{
		{"kill-engine:phase=loading", 1, "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': -9}",
			[]string{titleWorker, shownTracker}},
		{"kill-worker:phase=loading", 1, "Failed core proc(s): {'EngineCore': 1}", nil},
		{"kill-api:phase=loading", -9, "", []string{titleEngine, titleWorker, shownTracker}},
		{"exit:phase=loading,status=0", 0, "", nil},
		{"fail-log:class=free_memory", 1, "ValueError: Free memory on device cuda:0", nil},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			f := startFamily(t, "--sim-tree", "--sim-startup", "300ms", "--sim-fault", tt.fault)
			if got := f.exit(); got != tt.status {
				t.Errorf("got exit status %d, want %d", got, tt.status)
			}
			f.stderr.wait(t, tt.log)
			if strings.Contains(f.stderr.String(), "Application startup complete.") {
				t.Errorf("became ready")
			}
			if len(tt.survive) == 0 {
				f.awaitTracker()
			}
			f.wantAlive(tt.survive...)
		})
	}
}
