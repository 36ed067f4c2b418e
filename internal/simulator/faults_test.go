package simulator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseFault(t *testing.T) {
	type settings struct {
		Kind           faultName
		Pass, ID       string
		Request        int
		After          time.Duration
		Phase          phase
		Tokens, Status int
		By             int
	}
	tests := []struct {
		text string
		want settings
	}{
		{"exit", settings{Kind: faultExit, Request: -1, Phase: phaseServing, Status: 1, By: -1}},
		{"exit:status=7,phase=loading,pass=full", settings{Kind: faultExit, Pass: "full", Request: -1, Phase: phaseLoading, Status: 7, By: -1}},
		{"kill:after=1.5s", settings{Kind: faultKill, Request: -1, Phase: phaseServing, After: 1500 * time.Millisecond, By: -1}},
		{"cut-stream:request=3,tokens=5", settings{Kind: faultCutStream, Request: 3, Phase: phaseServing, Tokens: 5, By: -1}},
		{"error-event:id=-full-7", settings{Kind: faultErrorEvent, ID: "-full-7", Request: -1, Phase: phaseServing, Tokens: 1, By: -1}},
		{"wrong-count:by=2,request=0", settings{Kind: faultWrongCount, Phase: phaseServing, By: 2}},
		{"hang-loading", settings{Kind: faultHangLoading, Request: -1, Phase: phaseLoading, By: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := parseFault(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got := settings{f.kind.name, f.pass, f.idSuffix, f.request, f.after, f.phase, f.tokens, f.status, f.by}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("fault (-got +want):\n%s", diff)
			}
		})
	}
}

// The settings of faults of the process.
func TestParseProcessFault(t *testing.T) {
	type settings struct {
		Kind                 faultName
		Phase                phase
		Count, Status        int
		Delay, Lasting       time.Duration
		Unnoticed            bool
		Class                string
		Rate, Total          int64
		ByRequest, NeedsTree bool
	}
	tests := []struct {
		text string
		want settings
	}{
		{"engine-dead", settings{Kind: faultEngineDead, Phase: phaseServing, Delay: -1, Rate: 100e6}},
		{"engine-dead:class=nccl,delay=2s,status=3", settings{Kind: faultEngineDead, Phase: phaseServing, Status: 3, Delay: 2 * time.Second, Class: "nccl", Rate: 100e6}},
		{"kill-engine:noticed=no,id=-9", settings{Kind: faultKillEngine, Phase: phaseServing, Delay: -1, Unnoticed: true, Rate: 100e6, ByRequest: true, NeedsTree: true}},
		{"kill-worker:noticed=yes,phase=warm-up", settings{Kind: faultKillWorker, Phase: phaseWarmup, Delay: -1, Rate: 100e6, ByRequest: true, NeedsTree: true}},
		{"kill-api:phase=stopping", settings{Kind: faultKillAPI, Phase: phaseStopping, Delay: -1, Rate: 100e6, NeedsTree: true}},
		{"fail-log:class=hf_access,count=2,status=3", settings{Kind: faultFailLog, Phase: phaseLoading, Count: 2, Status: 3, Delay: -1, Class: "hf_access", Rate: 100e6}},
		{"slow-stop:for=1.5s", settings{Kind: faultSlowStop, Phase: phaseStopping, Delay: -1, Lasting: 1500 * time.Millisecond, Rate: 100e6}},
		{"log-flood:rate=10kB/s,total=3GB", settings{Kind: faultLogFlood, Phase: phaseServing, Delay: -1, Rate: 10e3, Total: 3e9}},
		{"log-no-newline", settings{Kind: faultLogNoNewline, Phase: phaseServing, Delay: -1, Rate: 100e6, Total: 1e6}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := parseFault(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got := settings{f.kind.name, f.phase, f.count, f.status, f.delay, f.lasting, f.unnoticed, f.class, f.rate, f.total, f.byRequest(), f.kind.tree}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("fault (-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseFaultErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"explode", `unknown fault "explode"; allowed: abort, cut-stream, double-fork, engine-dead, error-event, exit, fail-log`},
		{"", `unknown fault ""`},
		{"exit:status", `"status" in "exit:status" is no setting of exit; allowed: pass, after, count, request, id, tokens, status, phase, each =VALUE`},
		{"hang-loading:request=1", `"request=1" in "hang-loading:request=1" is no setting of hang-loading; allowed: pass, after`},
		{"exit:status=256", `status=256 in "exit:status=256": an exit status from 0 to 255 is allowed`},
		{"exit:status=x", `a number of at least 0 is allowed`},
		{"exit:request=-1", `a number of at least 0 is allowed`},
		{"exit:phase=dinner", `phase=dinner in "exit:phase=dinner": allowed: serving, loading, warm-up, stopping`},
		{"exit:after=-1s", `a duration of at least 0 is allowed`},
		{"exit:after=soon", `invalid duration`},
		{"exit:phase=loading,request=1", `"exit:phase=loading,request=1": no request strikes in phase loading; allowed there: after=DURATION`},
		{"kill:id=x,phase=stopping", `no request strikes in phase stopping`},
		{"kill:count=0", `count=0 in "kill:count=0": a number of at least 1 is allowed`},
		{"fail-log", `"fail-log" needs class=CLASS; allowed: device_assert, disk_full, driver_mismatch`},
		{"fail-log:class=bad_mood", `class=bad_mood in "fail-log:class=bad_mood": allowed: device_assert, disk_full`},
		{"engine-dead:delay=-1s", `a duration of at least 0 is allowed`},
		{"kill-engine:noticed=maybe", `noticed=maybe in "kill-engine:noticed=maybe": allowed: yes, no`},
		{"log-flood:rate=fast", `rate=fast in "log-flood:rate=fast": allowed: a whole number of B, kB, MB or GB, at least 1B, such as 100MB`},
		{"log-flood:rate=0MB/s", `at least 1B`},
		{"log-flood:total=-3", `at least 1B`},
		{"log-flood:total=9999999999", `at least 1B`},
		{"hang-loading:phase=serving", `"phase=serving" in "hang-loading:phase=serving" is no setting of hang-loading`},
		{"slow-health:for=long", `invalid duration`},
	}
	for _, tt := range tests {
		_, err := parseFault(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got error %v, want it to contain %q", tt.text, err, tt.want)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{"exit:status=3,after=2s", "kill:", "wrong-count:by=-9,pass=x", "exit:,", "abort:id==,tokens=9", "log-flood:rate=100MB/s,total=1GB", "fail-log:class=nccl,count=2",
		"kill-engine:noticed=no,delay=2s,phase=warm-up", "slow-stop:for=3s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseFault(text)
		if err != nil {
			return
		}
		if _, known := faultKinds[got.kind.name]; !known || got.after < 0 || got.tokens < 0 || got.status < 0 || got.status > 255 ||
			got.lasting < 0 || got.rate < 1 || got.total < 0 || got.count < 0 || got.delay < -1 || !slices.Contains(got.kind.phases, got.phase) {
			t.Errorf("%q: got %+v, which is out of bounds", text, got)
		}
	})
}

func TestFaultPlan(t *testing.T) {
	faults := []fault{}
	for _, text := range []string{"exit:pass=full,request=2", "kill:after=5s", "no-usage", "no-done:id=-9", "http-500:after=1s,request=0", "oom-loading",
		"hang:phase=warm-up", "kill-worker:after=1s", "exit:phase=stopping", "log-flood:phase=loading"} {
		f, err := parseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, f)
	}
	names := func(list []fault) string {
		var out []string
		for _, f := range list {
			out = append(out, string(f.kind.name))
		}
		return strings.Join(out, " ")
	}
	full, summarization := newFaultPlan(faults, "m@x-full"), newFaultPlan(faults, "m@x-summarization")
	tests := []struct{ what, got, want string }{
		{"full, loading", names(full.timed(phaseLoading)), "oom-loading log-flood"},
		{"full, serving", names(full.timed(phaseServing)), "kill kill-worker"},
		{"full, stopping", names(full.timed(phaseStopping)), "exit"},
		{"full, warm-up by the clock", names(full.timed(phaseWarmup)), ""},
		{"a request of the warm-up", names(full.ofRequest(1, "x-full-warmup-0", 0)), "no-usage hang"},
		{"request 0 at once", names(full.ofRequest(0, "x-full-0", 0)), "no-usage"},
		{"request 0 later", names(full.ofRequest(0, "x-full-0", 2*time.Second)), "no-usage http-500"},
		{"request 2", names(full.ofRequest(2, "x-full-2", 0)), "exit no-usage"},
		{"by id", names(full.ofRequest(7, "x-full-9", 0)), "no-usage no-done"},
		{"the other pass", names(summarization.ofRequest(2, "x-summarization-2", 0)), "no-usage"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, tt.got, tt.want)
		}
	}
}

// Each fault of a response bends what it says and nothing else, and the truth keeps the true numbers.
func TestResponseFaults(t *testing.T) {
	const chunk, last, done = "chunk", "usage", "[DONE]"
	tests := []struct {
		fault  string
		status int
		shape  string // of the stream
		cut    bool
		want   string // in the stream
		tokens int    // in the truth
		whole  string // in the answer without a stream
		reason string
	}{
		{"", 200, "chunk chunk chunk chunk usage [DONE]", false, `"completion_tokens":4`, 4, `"completion_tokens":4`, "length"},
		{"error-event", 200, "chunk error [DONE]", false, `{"error": {"message": "` + engineDead + `", "type": "InternalServerError", "param": null, "code": 500}}`, 1, `"code":500`, ""},
		{"error-event:tokens=3", 200, "chunk chunk chunk error [DONE]", false, "", 3, `"code":500`, ""},
		{"error-event:tokens=9", 200, "chunk chunk chunk error [DONE]", false, "", 3, `"code":500`, ""},
		{"cut-stream:tokens=2", 200, "chunk chunk", true, "", 2, "", ""},
		{"no-usage", 200, "chunk chunk chunk chunk [DONE]", false, `"finish_reason":"length"`, 4, `"usage":null`, "length"},
		{"no-done", 200, "chunk chunk chunk chunk usage", false, "", 4, "", "length"},
		{"wrong-count", 200, "chunk chunk chunk chunk usage [DONE]", false, `"total_tokens":11,"completion_tokens":3`, 4, `"completion_tokens":3`, "length"},
		{"wrong-count:by=5", 200, "chunk chunk chunk chunk usage [DONE]", false, `"completion_tokens":9`, 4, `"completion_tokens":9`, "length"},
		{"abort:tokens=2", 200, "chunk chunk chunk usage [DONE]", false, `"finish_reason":"abort"`, 2, `"finish_reason":"abort"`, "abort"},
		{"http-500", 500, "", false, `{"error":{"message":"Internal server error","type":"InternalServerError","param":null,"code":500}}`, 0, `"code":500`, ""},
	}
	kindOf := func(event string) string {
		switch {
		case event == done:
			return done
		case strings.Contains(event, `"choices":[]`):
			return last
		case strings.Contains(event, `"choices"`):
			return chunk
		}
		return "error"
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			var args []string
			if tt.fault != "" {
				sep := ":"
				if strings.Contains(tt.fault, ":") {
					sep = ","
				}
				args = []string{"--sim-fault", tt.fault + sep + "id=bad", "--sim-fault", tt.fault + sep + "id=bad-whole"}
			}
			s := startInstance(t, args...)
			status, text, err := s.post("bad", body(8, nil))
			if status != tt.status || (err != nil) != tt.cut || !strings.Contains(text, tt.want) {
				t.Errorf("got status %d, error %v, body\n%s\nwant %d, cut %t, %s", status, err, text, tt.status, tt.cut, tt.want)
			}
			var shape []string
			for _, e := range events(text) {
				shape = append(shape, kindOf(e))
			}
			if got := strings.Join(shape, " "); got != tt.shape {
				t.Errorf("got a stream of %q, want %q", got, tt.shape)
			}
			if _, whole, err := s.post("bad-whole", body(9, fields{"stream": false})); !strings.Contains(whole, tt.whole) || (err != nil) != (tt.cut && err != nil) {
				t.Errorf("got answer %q, %v; want it to contain %q", whole, err, tt.whole)
			}
			if status, good, err := s.post("good", body(10, nil)); status != 200 || err != nil || strings.Count(good, `"finish_reason":"length"`) != 1 {
				t.Errorf("the request after it: got %d, %v, %s", status, err, good)
			}
			s.stop()
			if got := s.exit(); got != exitOK {
				t.Errorf("got exit status %d, want 0", got)
			}
			truth := s.readTruth()
			if len(truth.Requests) != 3 {
				t.Fatalf("got %d requests in the truth, want 3", len(truth.Requests))
			}
			first := truth.Requests[0]
			name, _, _ := strings.Cut(tt.fault, ":")
			if first.CompletionTokens != tt.tokens || first.Fault != name || first.FinishReason != tt.reason || first.RequestID != "bad" {
				t.Errorf("got truth %+v, want %d tokens, fault %q, reason %q", first, tt.tokens, name, tt.reason)
			}
		})
	}
}
