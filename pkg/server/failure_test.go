package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fromLog is the evidence of a server that ended with exit status 1 and left this log.
func fromLog(lines ...string) Evidence {
	return Evidence{Log: strings.NewReader(strings.Join(lines, "\n") + "\n"), Exit: &Exit{Status: 1}}
}

func TestClassifySamples(t *testing.T) {
	for _, test := range failureSamples {
		t.Run(test.name, func(t *testing.T) {
			log, err := os.Open(filepath.Join("testdata", "failures", test.name+".log"))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			e := test.evidence
			e.Log = log
			got := Classify(e)
			class, _, _ := strings.Cut(test.name, "-")
			if string(got.Class) != class {
				t.Errorf("class %s, want %s", got.Class, class)
			}
			if begin, long := strings.CutSuffix(test.line, "…"); got.Line != test.line && !(long && strings.HasPrefix(got.Line, begin)) {
				t.Errorf("line:\n got %s\nwant %s", got.Line, test.line)
			}
			if got.LineNumber != test.number {
				t.Errorf("line number %d, want %d", got.LineNumber, test.number)
			}
			if !strings.Contains(got.Advice, test.advice) {
				t.Errorf("advice %q, want %q in it", got.Advice, test.advice)
			}
			if got.Retry != (got.Class == FailureFreeMemory) {
				t.Errorf("retry is %v", got.Retry)
			}
		})
	}
}

// Every sample is in the table and in the index.
func TestSamplesAreComplete(t *testing.T) {
	index, err := os.ReadFile(filepath.Join("testdata", "failures", "INDEX.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "failures", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, s := range failureSamples {
		tested[s.name+".log"] = true
	}
	for _, file := range files {
		name := filepath.Base(file)
		if !tested[name] {
			t.Errorf("%s is not tested", name)
		}
		if !bytes.Contains(index, []byte("| "+name+" |")) {
			t.Errorf("%s is not in INDEX.md", name)
		}
	}
	if len(files) != len(tested) {
		t.Errorf("%d samples, %d of them tested", len(files), len(tested))
	}
}

// Every class has advice and a row in the document.
func TestClassesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "failures.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range slices.Sorted(maps.Keys(advice)) {
		if !bytes.Contains(doc, []byte("| `"+string(class)+"` |")) {
			t.Errorf("docs/failures.md has no row for %s", class)
		}
	}
	if rows := bytes.Count(doc, []byte("\n| `")); rows != len(advice) {
		t.Errorf("docs/failures.md has %d rows, there are %d classes with advice", rows, len(advice))
	}
	for _, table := range ruleTables {
		for _, r := range table {
			if advice[r.class] == "" {
				t.Errorf("class %s has no advice", r.class)
			}
			if r.says == nil && r.exceptions == nil {
				t.Errorf("a rule for %s matches everything", r.class)
			}
		}
	}
}

func TestClassifyHealthy(t *testing.T) {
	for _, name := range []string{"cuda.log", "gaudi.log", "failures/exited-2.log", "failures/exited-3.log"} {
		log, err := os.Open(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		got := Classify(Evidence{Log: log})
		if got.Class != FailureExited || got.Line != "" || got.Candidates != nil || len(got.Tail) == 0 {
			t.Errorf("%s: class %s, line %q, candidates %q, %d last lines", name, got.Class, got.Line, got.Candidates, len(got.Tail))
		}
	}
}

// What is known of the end, where the log says nothing.
func TestClassifyEnd(t *testing.T) {
	loading := Phase{State: StateLoading, Done: 3, Total: 4}
	tests := []struct {
		name     string
		evidence Evidence
		class    FailureClass
		line     string
	}{
		{"nothing at all", Evidence{}, FailureExited, ""},
		{"status 0", Evidence{Exit: &Exit{}}, FailureExited, "exit status 0 after 0.0 s"},
		{"status 1", Evidence{Exit: &Exit{Status: 1}}, FailureExited, "exit status 1 after 0.0 s"},
		{"a shell without a command", Evidence{Exit: &Exit{Status: 127}}, FailureCommandNotFound, "exit status 127 after 0.0 s"},
		{"a shell that may not run it", Evidence{Exit: &Exit{Status: 126}}, FailureCommandNotExecutable, "exit status 126 after 0.0 s"},
		{"killed", Evidence{Exit: &Exit{Status: -1, Signal: "SIGKILL"}}, FailureKilled, "ended by SIGKILL after 0.0 s"},
		{"terminated", Evidence{Exit: &Exit{Status: -1, Signal: "SIGTERM"}, Ready: true}, FailureKilled, "ended by SIGTERM after 0.0 s"},
		{"killed in a container", Evidence{Exit: &Exit{Status: 137}}, FailureKilled, "exit status 137 after 0.0 s"},
		{"crashed", Evidence{Exit: &Exit{Status: -1, Signal: "SIGSEGV"}}, FailureNativeCrash, "ended by SIGSEGV after 0.0 s"},
		{"aborted under a shell", Evidence{Exit: &Exit{Status: 134}}, FailureNativeCrash, "exit status 134 after 0.0 s"},
		{"bus error", Evidence{Exit: &Exit{Status: -1, Signal: "SIGBUS"}}, FailureSharedMemory, "ended by SIGBUS after 0.0 s"},
		{"out of memory", Evidence{Exit: &Exit{Status: -1, Signal: "SIGKILL"}, OOMKills: 1}, FailureKilledByOOM,
			"the kernel killed 1 process for lack of memory; the server: ended by SIGKILL after 0.0 s"},
		{"out of memory, another process", Evidence{OOMKills: 3, Ready: true}, FailureKilledByOOM, "the kernel killed 3 processes for lack of memory"},
		{"not ready in time", Evidence{ReadyTimeout: true, Phase: loading}, FailureReadyTimeout, "not ready in time, still loading weights 3/4"},
		{"not ready in time, then killed by us", Evidence{ReadyTimeout: true, Phase: loading, Exit: &Exit{Status: -1, Signal: "SIGKILL"}},
			FailureReadyTimeout, "not ready in time, still loading weights 3/4"},
		{"under load, status 0", Evidence{Ready: true, Exit: &Exit{}}, FailureEngineDeath, "exit status 0 after 0.0 s"},
		{"under load, still there", Evidence{Ready: true}, FailureUnhealthy, ""},
		{"under load, silent", Evidence{Ready: true, Hung: true}, FailureHang, "requests were running and nothing came back"},
		{"a killed engine", Evidence{Ready: true, Exit: &Exit{Status: -1, Signal: "SIGKILL"}, Member: "VLLM::EngineCore (pid 7)"},
			FailureEngineDeath, "VLLM::EngineCore (pid 7): ended by SIGKILL after 0.0 s"},
		{"a crashed worker", Evidence{Ready: true, Exit: &Exit{Status: -1, Signal: "SIGSEGV"}, Member: "VLLM::Worker (pid 8)"},
			FailureNativeCrash, "VLLM::Worker (pid 8): ended by SIGSEGV after 0.0 s"},
		{"no such command", Evidence{CommandErr: &CommandError{Command: "vlm", Err: fs.ErrNotExist}}, FailureCommandNotFound,
			`server command "vlm": file does not exist`},
		{"no permission", Evidence{CommandErr: &CommandError{Command: "./run", Err: fs.ErrPermission}}, FailureCommandNotExecutable,
			`server command "./run": permission denied`},
		{"no process", Evidence{CommandErr: fmt.Errorf("starting the server: %w", syscall.EAGAIN)}, FailureNotStarted,
			"starting the server: resource temporarily unavailable"},
		{"port taken", Evidence{PortErr: &PortInUseError{Host: "127.0.0.1", Port: 8000}}, FailurePortInUse, "127.0.0.1:8000 is already in use"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Classify(test.evidence)
			if got.Class != test.class || got.Line != test.line {
				t.Errorf("got %s, %q, want %s, %q", got.Class, got.Line, test.class, test.line)
			}
			if got.Advice == "" || got.Retry || got.LineNumber != 0 {
				t.Errorf("advice %q, retry %v, line number %d", got.Advice, got.Retry, got.LineNumber)
			}
		})
	}
}

func TestClassifyWeighs(t *testing.T) {
	const (
		oom      = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
		nccl     = "RuntimeError: NCCL error: remote process exited or there was a network error"
		ready    = "INFO:     Application startup complete."
		lastWord = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
	)
	dead := Evidence{Ready: true, Exit: &Exit{}}
	with := func(e Evidence, lines ...string) Evidence {
		e.Log = fromLog(lines...).Log
		return e
	}
	tests := []struct {
		name     string
		evidence Evidence
		class    FailureClass
		number   int
	}{
		{"the first of two certain causes", fromLog(oom, "RuntimeError: CUDA error: device-side assert triggered"), FailureOutOfMemoryStart, 1},
		{"a certain cause after one that may follow from it", fromLog(nccl, oom, lastWord), FailureOutOfMemoryStart, 2},
		{"a likely cause alone", fromLog(lastWord, nccl), FailureNCCL, 2},
		{"a known cause after an unknown error", fromLog("KeyError: 'mllama'", oom), FailureOutOfMemoryStart, 2},
		{"the kernel's word against a likely cause", with(Evidence{OOMKills: 1}, nccl), FailureKilledByOOM, 0},
		{"a certain cause against the kernel's word", with(Evidence{OOMKills: 1}, oom), FailureOutOfMemoryStart, 1},
		{"a cause before ready is none under load", with(dead, oom, ready), FailureEngineDeath, 0},
		{"a cause under load", with(dead, ready, oom), FailureOutOfMemory, 2},
		{"an unknown error under load", with(dead, ready, "KeyError: 7", "vllm.v1.engine.exceptions.EngineDeadError: x"), FailureEngineDeath, 2},
		{"a cause in spite of a timeout", with(Evidence{ReadyTimeout: true}, oom), FailureOutOfMemoryStart, 1},
		{"a hint against a timeout", with(Evidence{ReadyTimeout: true}, "requests.exceptions.ConnectionError: huggingface.co"), FailureReadyTimeout, 0},
		{"a hint alone", fromLog("requests.exceptions.ConnectionError: huggingface.co"), FailureHFAccess, 1},
		{"a worker ended by a signal", fromLog("ERROR 07-15 21:00:00 [multiproc_executor.py:246] Worker proc VllmWorker-1 died unexpectedly (exit code: -11), shutting down executor."),
			FailureNativeCrash, 1},
		{"a worker ended by the server", fromLog("ERROR 07-15 21:00:00 [x.py:1] Worker VllmWorkerProcess pid 7 died, exit code: -15"), FailureEngineDeath, 1},
		{"an error of a request", with(dead, ready, "ERROR 07-15 21:00:00 [serving.py:500] "+oom), FailureEngineDeath, 0},
		{"an error of a request, printed", with(dead, ready, "ERROR:    Exception in ASGI application", oom), FailureEngineDeath, 0},
		{"an error of the engine after one of a request", with(dead, ready, "ERROR:    Exception in ASGI application", "KeyError: 1",
			"ERROR 07-15 21:00:00 [core.py:5] "+oom), FailureOutOfMemory, 4},
		{"a hint in a message of level INFO", fromLog("INFO 07-15 21:00:00 [x.py:1] " + oom), FailureExited, 0},
		{"a warning", fromLog("WARNING 07-15 21:00:00 [x.py:1] " + oom), FailureExited, 0},
		{"a line of source", fromLog(`    raise ValueError("No available memory for the cache blocks. "`), FailureExited, 0},
		{"a word in passing", fromLog("Checking for CUDA out of memory"), FailureExited, 0},
		{"a shell's complaint that did no harm", fromLog("sh: 1: nvcc: not found"), FailureExited, 0},
		{"a failed plug-in and then a cause", fromLog("ImportError: libfoo.so: cannot open shared object file", oom), FailureOutOfMemoryStart, 2},
		{"a value that a configuration does not take", fromLog("x.ValidationError: 1 validation error for ModelConfig", "dtype",
			"  Input should be 'auto' or 'half' [type=literal_error, input_value='x']"), FailureInvalidValue, 3},
		{"a validation error at the very end", fromLog("x.ValidationError: 1 validation error for ModelConfig"), FailureExited, 1},
		{"carriage returns count as no lines", fromLog("a\rb\rc", "x\r"+oom), FailureOutOfMemoryStart, 2},
		{"colours", fromLog("\x1b[0;36m(EngineCore pid=1)\x1b[0;0m \x1b[31m" + oom), FailureOutOfMemoryStart, 1},
		{"invalid UTF-8", fromLog("\xff\xfe", oom+"\xff"), FailureOutOfMemoryStart, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Classify(test.evidence)
			if got.Class != test.class || got.LineNumber != test.number {
				t.Errorf("got %s, line %d (%s), want %s, line %d", got.Class, got.LineNumber, got.Line, test.class, test.number)
			}
		})
	}
}

// An unknown failure shows the first errors, exceptions before messages, each once, and the end of the log.
func TestClassifyUnknown(t *testing.T) {
	lines := []string{"ERROR 07-15 21:00:00 [a.py:1] message"}
	for i := range 9 {
		lines = append(lines, fmt.Sprintf("KeyError: %d", i/2))
	}
	got := Classify(fromLog(append(lines, "KeyboardInterrupt", "the end")...))
	want := Failure{
		Class: FailureExited, Line: "KeyError: 0", LineNumber: 2, Advice: advice[FailureExited],
		Candidates: []string{"KeyError: 0", "KeyError: 1", "KeyError: 2", "KeyError: 3", "message"},
		Tail:       append(lines, "KeyboardInterrupt", "the end"),
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("failure (-got +want):\n%s", diff)
	}
	text, err := json.Marshal(Failure{Class: FailureKilled, Line: "a", Advice: "b"})
	if want := `{"class":"killed","line":"a","advice":"b","retry":false}`; err != nil || string(text) != want {
		t.Errorf("as JSON %s (%v), want %s", text, err, want)
	}
}

// Of a long log the beginning and the end are searched, and the lines between them are counted.
func TestClassifyLongLog(t *testing.T) {
	filler := strings.Repeat("(APIServer pid=1) INFO 07-15 21:00:00 [x.py:1] "+strings.Repeat("x", 952)+"\n", 50_000)
	const cause = "RuntimeError: CUDA error: device-side assert triggered\n"
	tests := []struct {
		name   string
		log    string
		class  FailureClass
		number int
	}{
		{"at the beginning", cause + filler, FailureDeviceAssert, 1},
		{"at the end", filler + cause, FailureDeviceAssert, 50_001},
		{"in the middle", filler[:len(filler)/2000*1000] + cause + filler[len(filler)/2000*1000:], FailureExited, 0},
		{"after a line without an end", strings.Repeat("x", 40<<20) + "\n" + cause, FailureDeviceAssert, 2},
		{"in a line without an end", strings.Repeat("x", 40<<20) + cause, FailureExited, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Classify(Evidence{Log: strings.NewReader(test.log), Exit: &Exit{Status: 1}})
			if got.Class != test.class || got.LineNumber != test.number {
				t.Errorf("got %s, line %d, want %s, line %d", got.Class, got.LineNumber, test.class, test.number)
			}
		})
	}
}

// A log is read from its position on, and one that cannot be read is as good as none.
func TestClassifyReads(t *testing.T) {
	log := strings.NewReader("torch.OutOfMemoryError: CUDA out of memory\nRuntimeError: No CUDA GPUs are available\n")
	if _, err := log.Seek(43, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got := Classify(Evidence{Log: log}); got.Class != FailureNoDevice || got.LineNumber != 1 {
		t.Errorf("from the middle: %s, line %d", got.Class, got.LineNumber)
	}
	if got := Classify(Evidence{Log: brokenLog{}}); got.Class != FailureExited {
		t.Errorf("broken log: %s", got.Class)
	}
}

// brokenLog has a size, but cannot be read.
type brokenLog struct{}

func (brokenLog) Read([]byte) (int, error) { return 0, errors.New("broken") }
func (brokenLog) Seek(_ int64, whence int) (int64, error) {
	return int64(100 * (whence / io.SeekEnd)), nil
}
