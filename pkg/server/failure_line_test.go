package server

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLine(t *testing.T) {
	tests := []struct {
		line string
		want logLine
	}{
		{"", logLine{}},
		{"  File \"a.py\", line 1", logLine{text: "  File \"a.py\", line 1"}},
		{"(EngineCore_DP0 pid=178) INFO 11-20 10:00:20 [core.py:77]   indented", logLine{"  indented", "EngineCore_DP0 pid=178", "INFO", "core.py"}},
		{"(VllmWorker rank=1 pid=9) ERROR 05-10 16:00:15 [v1/executor/multiproc_executor.py:470]", logLine{"", "VllmWorker rank=1 pid=9", "ERROR", "v1/executor/multiproc_executor.py"}},
		{"(RayWorkerWrapper pid=5486, ip=10.0.0.1) ERROR 05-06 08:55:19 worker_base.py:145] text", logLine{"text", "RayWorkerWrapper pid=5486, ip=10.0.0.1", "ERROR", "worker_base.py"}},
		{"(APIServer pid=1) (EngineCore_DP0 pid=68) Process X:", logLine{"Process X:", "EngineCore_DP0 pid=68", "", ""}},
		{"(EngineCore pid=1)", logLine{"", "EngineCore pid=1", "", ""}},
		{"(no process) text", logLine{text: "(no process) text"}},
		{"INFO:     Started server process [7]", logLine{text: "Started server process [7]", level: "INFO"}},
		{"ERROR: one space is no server", logLine{text: "ERROR: one space is no server"}},
		{"[rank0]: ValueError: x", logLine{"ValueError: x", "rank0", "", ""}},
		{"[rank12]:[E1016 13:24:39.286342262 ProcessGroupNCCL.cpp:1515] [PG 3 Rank 0] text", logLine{"text", "rank12", "ERROR", "ProcessGroupNCCL.cpp"}},
		{"[rank0]:[E ProcessGroupNCCL.cpp:563] [Rank 0] text", logLine{"text", "rank0", "ERROR", "ProcessGroupNCCL.cpp"}},
		{"[W1123 23:18:50.279533184 utils.cpp:68] Warning: x", logLine{"Warning: x", "", "WARNING", "utils.cpp"}},
		{"vllm-1  | ERROR 11-18 18:07:28 engine.py:366] x", logLine{"x", "", "ERROR", "engine.py"}},
		{"2025-04-29 22:14:28.456 | ValueError: x", logLine{text: "ValueError: x"}},
		{"2024-02-08T08:40:56.016480879Z Traceback", logLine{text: "Traceback"}},
		{"[2026-02-24T20:21:58Z] (EngineCore_DP0 pid=6940) x", logLine{"x", "EngineCore_DP0 pid=6940", "", ""}},
		{"3: KeyError: 7", logLine{text: "KeyError: 7"}},
		{"    | RuntimeError: in a group", logLine{text: "RuntimeError: in a group"}},
		{"Loading:   3% Completed | 1/37 [00:02<01:39,  2.77s/it](EngineCore pid=5) x", logLine{"x", "EngineCore pid=5", "", ""}},
		{"Loading: 100% | 4/4 [00:02<00:00,  1.91it/s]", logLine{text: "Loading: 100% | 4/4 [00:02<00:00,  1.91it/s]"}},
		{"\x1b[0;36m(EngineCore pid=1)\x1b[0;0m ERROR 07-15 21:01:01 [core.py:1] x", logLine{"x", "EngineCore pid=1", "ERROR", "core.py"}},
		{"INFO 11-20 10:00:01 [a.py:1] INFO 11-20 10:00:01 [b.py:1] x", logLine{"INFO 11-20 10:00:01 [b.py:1] x", "", "INFO", "a.py"}},
		{strings.Repeat("(a pid=1) ", 9) + "x", logLine{"(a pid=1) x", "a pid=1", "", ""}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(parseLine(test.line), test.want, cmp.AllowUnexported(logLine{})); diff != "" {
			t.Errorf("%q (-got +want):\n%s", test.line, diff)
		}
	}
}

func TestException(t *testing.T) {
	tests := []struct {
		line, name, message string
		found               bool
	}{
		{"ValueError: x", "ValueError", "x", true},
		{"torch.cuda.OutOfMemoryError: CUDA out of memory.", "OutOfMemoryError", "CUDA out of memory.", true},
		{"pydantic_core._pydantic_core.ValidationError: 1 validation error", "ValidationError", "1 validation error", true},
		{"ray.exceptions.RayTaskError(ValueError): ray::x", "RayTaskError", "ray::x", true},
		{"AssertionError", "AssertionError", "", true},
		{"KeyboardInterrupt: terminated", "KeyboardInterrupt", "terminated", true},
		{"Exception: test", "Exception", "test", true},
		{"Error: what a shell says", "", "", false},
		{"ValueError is raised when", "", "", false},
		{"    ValueError: indented", "", "", false},
		{"a sentence about ValueError: x", "", "", false},
		{"value error: x", "", "", false},
		{"DeprecationWarning: x", "", "", false},
		{"", "", "", false},
	}
	for _, test := range tests {
		l := logLine{text: test.line}
		name, message, found := l.exception()
		if name != test.name || message != test.message || found != test.found {
			t.Errorf("%q: got %q, %q, %v, want %q, %q, %v", test.line, name, message, found, test.name, test.message, test.found)
		}
	}
}

func TestUnknownFlagAdvice(t *testing.T) {
	tests := []struct{ arguments, want string }{
		{"--disable-log-requests", "--disable-log-requests: removed in vLLM 0.17, requests are not logged"},
		{"--no-enable-log-requests", "--no-enable-log-requests: needs vLLM 0.10.1 or newer; older ones log requests unless"},
		{"--guided_decoding_backend xgrammar", "--structured-outputs-config"},
		{"--speculative-draft-tensor-parallel-size=2", "--speculative-config"},
		{"--speculative-config {}", "needs vLLM 0.8.2 or newer; older ones take --speculative-model"},
		{"--rope-scaling {\"type\":\"yarn\"}", "--hf-overrides"},
		{"--task embed", "--runner"},
		{"--device cuda", "follows from the installed build"},
		{"--max-seq-len-to-capture 8192", "--max-cudagraph-capture-size"},
		{"--enable-reasoning", "--reasoning-parser alone"},
		{"--enable-per-request-metrics", "needs vLLM 0.25"},
		{"--swap-space 4 --foo --foo", "not known to the installed vLLM: --foo."},
		{"--foo=1 --bar", "does not know --foo, --bar."},
		{"/models/llama", "a value without a flag"},
		{"-1", "a value without a flag"},
	}
	for _, test := range tests {
		got := unknownFlagAdvice("api_server.py: error: unrecognized arguments: " + test.arguments)
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q in it", test.arguments, got, test.want)
		}
	}
	got := unknownFlagAdvice("api_server.py: error: ambiguous option: --max could match --max-model-len, --max-num-seqs")
	if want := "Write the flag in full: --max could match --max-model-len, --max-num-seqs."; got != want {
		t.Errorf("ambiguous: got %q, want %q", got, want)
	}
}

func TestFreeMemoryAdvice(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Free memory on device cuda:0 (60/80 GiB) on startup is less than desired GPU memory utilization (0.9, 72 GiB).",
			"Something else holds 20.00 GiB of the device, 12.00 GiB more than gpu-memory-utilization 0.9 allows."},
		{"Free memory on device (nonsense) is less than desired GPU memory utilization", ""},
		{"(80/80 GiB) utilization (0.9, 72 GiB)", ""},
		{"(0/0 GiB) utilization (0.9, 72 GiB)", ""},
	}
	for _, test := range tests {
		if got := freeMemoryAdvice(test.text); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestReadLines(t *testing.T) {
	type line struct {
		Number int
		Text   string
	}
	tests := []struct {
		name string
		text string
		want []line
	}{
		{"nothing", "", nil},
		{"the last line without an end", "a\n\nb", []line{{1, "a"}, {3, "b"}}},
		{"carriage returns", "a\rb\r\nc\n", []line{{1, "a"}, {1, "b"}, {2, "c"}}},
		{"a long line", strings.Repeat("x", 2*searchLine) + "\nb\n", []line{{1, strings.Repeat("x", searchLine)}, {2, "b"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []line
			readLines(strings.NewReader(test.text), int64(len(test.text)), func(n int, text []byte) { got = append(got, line{n, string(text)}) })
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("lines (-got +want):\n%s", diff)
			}
		})
	}
}
