package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ruled is what a reason is compared by.
func ruled(reasons []Reason) []string {
	list := []string{}
	for _, r := range reasons {
		list = append(list, string(r.Severity)+" "+r.Rule)
	}
	return list
}

// wantReasons holds the reasons of a summary against those that are wanted, in their order; text must be in the first one's.
func wantReasons(t *testing.T, s Summary, want []string, text string) {
	t.Helper()
	if diff := cmp.Diff(ruled(s.Reasons), append([]string{}, want...)); diff != "" {
		t.Fatalf("reasons (-got +want):\n%s%v", diff, s.Reasons)
	}
	if len(want) > 0 && !strings.Contains(s.Reasons[0].Text, text) {
		t.Errorf("got text %q, want %q in it", s.Reasons[0].Text, text)
	}
}

// Each rule on both sides of its boundary: want is empty where nothing is to be found.
func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string
		text   string // in the first reason
	}{
		{"nothing wrong", func(*Run) {}, nil, ""},

		{"server exit with a status", func(r *Run) {
			r.Manifest.Passes[1].ServerExit = &ServerExit{Phase: "pass", Status: 3}
		}, []string{"invalid server_exit"},
			"the server of the summarization pass ended by itself (exit status 3, while in: pass); " +
				"the cause is at the end of summarization/server.log"},
		{"server exit with status 0 is one too", func(r *Run) {
			r.Manifest.Passes[0].ServerExit = &ServerExit{Phase: "warmup"}
		}, []string{"invalid server_exit"}, "exit status 0, while in: warmup"},
		{"server exit by a signal", func(r *Run) {
			r.Manifest.Passes[0].ServerExit = &ServerExit{Phase: "pass", Signal: "SIGKILL"}
		}, []string{"invalid server_exit"}, "signal SIGKILL"},

		{"interrupted, and its failure not told twice", func(r *Run) {
			r.Manifest.Interrupted, r.Manifest.Failure = "SIGINT", &Failure{Step: "full: pass", Message: "interrupted"}
		}, []string{"invalid interrupted"}, "interrupted by SIGINT"},
		{"failure", func(r *Run) {
			r.Manifest.Failure = &Failure{Step: "full: start", Message: "no such flag\n", Hint: "see the log"}
		}, []string{"invalid failure"}, "the run failed at step \"full: start\": no such flag\nsee the log"},
		{"not ended", func(r *Run) { r.Manifest.Ended = time.Time{} }, []string{"invalid unfinished"}, "has no end"},
		{"a pass not complete", func(r *Run) { r.Manifest.Passes[0].Complete = false }, []string{"invalid incomplete"},
			"the full pass did not run to its end"},
		{"a pass not run", func(r *Run) { r.Manifest.Passes, r.Summarization = r.Manifest.Passes[:1], nil },
			[]string{"invalid incomplete"}, "the summarization pass did not run"},

		{"launch difference", func(r *Run) { r.Manifest.LaunchDifferences = []string{"argv[7]: 16, then 32"} },
			[]string{"invalid launch_differences"}, "(1 difference): argv[7]: 16, then 32; the passes"},
		{"many launch differences", func(r *Run) {
			r.Manifest.LaunchDifferences = []string{"a", "b", "c", "d", "e", "f", "g"}
		}, []string{"invalid launch_differences"}, "(7 differences): a; b; c; d; e; and 2 more; the passes"},
		{"a request before the pass that is ours", func(r *Run) {
			r.Manifest.Passes[0].Warmup.Probes = 1
			r.Counters = map[string]Counters{PassFull: {FinishedBefore: ptr(3)}}
		}, nil, ""},
		{"a request before the pass that is not ours", func(r *Run) {
			r.Manifest.Passes[0].Warmup.Probes = 1
			r.Counters = map[string]Counters{PassFull: {FinishedBefore: ptr(4)}}
		}, []string{"invalid foreign_requests"}, "4 requests finished before the pass where at most 3 are ours"},
		{"another version", func(r *Run) { r.Manifest.Passes[1].Server.Version = "0.32.1" },
			[]string{"invalid server_differences"}, "version was 0.32.0 in the full pass and 0.32.1 in the summarization pass"},
		{"another model root", func(r *Run) { r.Manifest.Passes[1].Server.Root = "/n" },
			[]string{"invalid server_differences"}, "model root was /m in the full pass and /n in"},
		{"another max_model_len", func(r *Run) { r.Manifest.Passes[1].Server.MaxModelLen = 2047 },
			[]string{"invalid server_differences"}, "max_model_len was 2048 in the full pass and 2047 in"},
		{"a server that did not say is no difference", func(r *Run) { r.Manifest.Passes[1].Server = ServerInfo{} }, nil, ""},

		{"failed requests, none allowed", func(r *Run) { fail(&r.Full[2], "cut_stream", "unexpected end") },
			[]string{"invalid failed_requests"},
			"1 of 4 requests of the full pass failed (cut_stream 1); the first, row 2: unexpected end; " +
				"verdict.max_failed allows 0; error texts are in full/records.jsonl"},
		{"failed requests, exactly as many as allowed", func(r *Run) {
			r.Manifest.Thresholds.MaxFailed = 1
			fail(&r.Summarization[2], "cut_stream", "unexpected end")
		}, []string{"suspect failed_requests"}, "tolerated by verdict.max_failed = 1"},
		{"failed requests, one more than allowed", func(r *Run) {
			r.Manifest.Thresholds.MaxFailed = 1
			fail(&r.Full[2], "cut_stream", "x")
			fail(&r.Full[3], "cut_stream", "y")
		}, []string{"invalid failed_requests"}, "2 of 4 requests of the full pass failed (cut_stream 2); the first, row 2: x"},
		{"max_failed counts per pass", func(r *Run) {
			r.Manifest.Thresholds.MaxFailed = 1
			fail(&r.Full[2], "cut_stream", "x")
			fail(&r.Summarization[3], "cut_stream", "y")
		}, []string{"suspect failed_requests", "suspect failed_requests"}, "of the full pass"},

		{"fewer records than planned", func(r *Run) { r.Full = r.Full[:3] }, []string{"invalid records"},
			"4 requests planned in the full pass, but 3 records in full/records.jsonl"},
		{"more records than planned", func(r *Run) { r.Manifest.Passes[1].Requests = 3 }, []string{"invalid records"},
			"3 requests planned in the summarization pass, but 4 records"},
		{"a row recorded twice", func(r *Run) { r.Full[3].Index = 2 }, []string{"invalid records"},
			"1 row of the full pass repeated in full/records.jsonl, the first of them row 2"},
		{"a success without usage", func(r *Run) { r.Full[1].CompletionTokens = nil }, []string{"invalid records"},
			"1 record of the full pass without an instant or a token count"},
		{"a success without an instant", func(r *Run) { r.Full[1].DoneNS = nil }, []string{"invalid records"},
			"1 record of the full pass without an instant or a token count"},

		{"one prompt token too many", func(r *Run) { *r.Full[1].PromptTokens++ }, []string{"invalid prompt_tokens"},
			"the server counted 47 prompt tokens in the full pass where 46 were sent; 1 request is wrong, the first is row 1: " +
				"got 12, sent 11"},
		{"one prompt token too few in the summarization pass", func(r *Run) { *r.Summarization[0].PromptTokens-- },
			[]string{"invalid prompt_tokens"}, "counted 45 prompt tokens in the summarization pass where 46 were sent"},
		{"errors that cancel out are errors", func(r *Run) { *r.Full[0].PromptTokens++; *r.Full[1].PromptTokens-- },
			[]string{"invalid prompt_tokens"}, "counted 46 prompt tokens in the full pass where 46 were sent; 2 requests are"},
		{"a tolerated token_count failure still tells of wrong counts", func(r *Run) {
			r.Manifest.Thresholds.MaxFailed = 1
			r.Full[1].ErrorClass, r.Full[1].Error = errTokenCount, "12 instead of 11"
			*r.Full[1].PromptTokens++
		}, []string{"invalid prompt_tokens", "suspect failed_requests"}, "row 1: got 12, sent 11"},

		{"one token short with finish reason length", func(r *Run) { *r.Full[2].CompletionTokens = 7 },
			[]string{"invalid output_tokens"}, "1 request is shorter than asked without a stop reason in the full pass; " +
				"the first is row 2: 7 of 8 tokens, finish reason \"length\""},
		{"one token short by a stop token", func(r *Run) { *r.Full[2].CompletionTokens, r.Full[2].FinishReason = 7, "stop" },
			nil, ""},
		{"full length by a stop token", func(r *Run) { r.Full[2].FinishReason = "stop" }, nil, ""},
		{"one token too many", func(r *Run) { *r.Full[2].CompletionTokens = 9 }, []string{"invalid output_tokens"},
			"row 2: 9 tokens where at most 8 were asked"},

		{"two tokens in the summarization pass", func(r *Run) { *r.Summarization[3].CompletionTokens = 2 },
			[]string{"invalid summarization_tokens"}, "1 request of the summarization pass generated anything but one token; " +
				"the first is row 3: 2"},
		{"no token in the summarization pass", func(r *Run) {
			*r.Summarization[3].CompletionTokens, r.Summarization[3].FinishReason = 0, "stop"
		}, []string{"invalid summarization_tokens"}, "row 3: 0"},

		// The full pass takes 224 ms; the summarization pass begins at 1 ms.
		{"generation latency just above 0", func(r *Run) { *r.Summarization[3].DoneNS = 225e6 - 1000 }, nil, ""},
		{"generation latency 0", func(r *Run) { *r.Summarization[3].DoneNS = 225e6 }, []string{"invalid generation_latency"},
			"the full pass (0.224000 s) did not take longer than the summarization pass (0.224000 s)"},
		{"generation latency below 0", func(r *Run) { *r.Summarization[3].DoneNS = 226e6 },
			[]string{"invalid generation_latency"}, "(0.225000 s)"},

		{"schedule lag of 50 ms", func(r *Run) { lagOf(r, 50, 0) }, nil, ""},
		{"schedule lag above 50 ms in a burst", func(r *Run) { lagOf(r, 50.001, 0) }, []string{"suspect schedule_lag"},
			"late by 50.0 ms (p99) and 50.0 ms at most, where 50 ms are allowed; leave"},
		{"schedule lag of 1 % of the gap", func(r *Run) { lagOf(r, 60, 6000) }, nil, ""},
		{"schedule lag above 1 % of the gap", func(r *Run) { lagOf(r, 60, 5999) }, []string{"suspect schedule_lag"},
			"where 50 ms or 1 % of the mean gap between arrivals (5999.0 ms) are allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := sampleRun()
			tc.change(&run)
			s := Summarize(run)
			wantReasons(t, s, tc.want, tc.text)
			if len(tc.want) == 0 {
				if s.Verdict != Valid {
					t.Errorf("got verdict %s, want valid", s.Verdict)
				}
				return
			}
			if s.Verdict != s.Reasons[0].Severity {
				t.Errorf("got verdict %s, want that of the weightiest reason, %s", s.Verdict, s.Reasons[0].Severity)
			}
		})
	}
}

// lagOf gives every request of the full pass the same lag, and the schedule a gap between arrivals; both in milliseconds.
func lagOf(run *Run, lag, gap float64) {
	for i := range run.Full {
		r := &run.Full[i]
		r.ScheduledNS = int64(float64(i) * gap * 1e6)
		r.DueNS = *r.SentNS - int64(lag*1e6)
	}
}

func TestReasonsAreOrderedByWeight(t *testing.T) {
	run := sampleRun()
	lagOf(&run, 80, 0)
	run.Manifest.Thresholds.MaxFailed = 2
	fail(&run.Full[1], "cut_stream", "x")
	*run.Summarization[3].CompletionTokens = 2
	run.Manifest.Passes[1].ServerExit = &ServerExit{Phase: "pass", Status: 1}
	run.Manifest.Passes[1].Complete = false
	s := Summarize(run)
	want := []string{"invalid server_exit", "invalid incomplete", "invalid summarization_tokens", "suspect failed_requests",
		"suspect schedule_lag"}
	if diff := cmp.Diff(ruled(s.Reasons), want); diff != "" {
		t.Errorf("reasons (-got +want):\n%s", diff)
	}
	if s.Verdict != Invalid || !s.Partial {
		t.Errorf("got %s, partial %t; want invalid and partial", s.Verdict, s.Partial)
	}
}

func TestNotes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string // rules, beside ttft_source and not_proven
		text   string   // in the last note
	}{
		{"none", func(*Run) {}, nil, ""},
		{"warm-up off", func(r *Run) { r.Manifest.Passes[1].Warmup = Warmup{} }, []string{"warmup"},
			"no warm-up before the summarization pass"},
		{"warm-up failed", func(r *Run) { r.Manifest.Passes[0].Warmup.Failed = 1 }, []string{"warmup"},
			"1 of 2 warm-up requests before the full pass failed"},
		{"stopped early", func(r *Run) { *r.Full[0].CompletionTokens, r.Full[0].FinishReason = 7, "stop" },
			[]string{"early_stop"}, "1 of 4 outputs (25.0 %) ended early by a stop token"},
		{"stopped on the last token is not early", func(r *Run) { r.Full[0].FinishReason = "stop" }, nil, ""},
		{"torn", func(r *Run) { r.TornFull = 1 }, []string{"torn_record"}, "1 line at the end of full/records.jsonl was cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := sampleRun()
			tc.change(&run)
			s := Summarize(run)
			got, last := []string{}, ""
			for _, n := range s.Notes {
				if n.Rule != "ttft_source" && n.Rule != "not_proven" {
					got, last = append(got, n.Rule), n.Text
				}
			}
			if diff := cmp.Diff(got, append([]string{}, tc.want...)); diff != "" {
				t.Fatalf("notes (-got +want):\n%s", diff)
			}
			if !strings.Contains(last, tc.text) {
				t.Errorf("got %q, want %q in it", last, tc.text)
			}
			if s.Verdict != Valid {
				t.Errorf("got verdict %s: a note must change nothing", s.Verdict)
			}
		})
	}
}

func TestSourceNotes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   string // empty for no note
	}{
		{"response", func(*Run) {}, ""},
		{"client", func(r *Run) { r.Manifest.Timings.Wanted, r.Counters = "client", nil }, "TTFT and TPOT are by the client's clock: TTFT " +
			"includes the time a request spent queueing in the server, and is exact only if nothing queued"},
		{"client, and the server counts the queueing", func(r *Run) { r.Manifest.Timings.Wanted = "client" },
			"queueing in the server (15.500 ms in the mean, by the server's counters), and is exact only if nothing queued"},
		{"histogram", func(r *Run) { r.Manifest.Timings.Wanted = "histogram" }, "means over a pass: they have no percentiles"},
	} {
		run := provenRun()
		tc.change(&run)
		got := ""
		for _, n := range Summarize(run).Notes {
			if n.Rule == "ttft_source" {
				got += n.Text
			}
		}
		if !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q in it", tc.name, got, tc.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{"plain – text\nof two lines", "plain – text\nof two lines"},
		{"\x1b[31mred\x1b[0m\ttab\r", "\ufffd[31mred\ufffd[0m tab "},
		{"not \xff\xfe UTF-8", "not \ufffd\ufffd UTF-8"},
	} {
		if got := printable(tc.got); got != tc.want {
			t.Errorf("printable(%q): got %q, want %q", tc.got, got, tc.want)
		}
	}
}
