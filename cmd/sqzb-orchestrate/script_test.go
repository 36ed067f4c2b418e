package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squeezebits/sqzb-orchestrate/internal/simulator"
)

// The test binary is also the program: the scripts run it, and it runs itself as the simulator, and as the guardian by the
// name of /proc/self/exe.
func TestMain(m *testing.M) {
	testscript.Main(patient{m}, map[string]func(){"sqzb-orchestrate": main, "exe": main})
}

// patient runs more scripts at a time than there are processors, unless it is told how many: what they do most is wait.
type patient struct{ *testing.M }

const scriptsAtATime = 6

func (p patient) Run() int {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(max(scriptsAtATime, runtime.GOMAXPROCS(0)))); err != nil {
			panic(err)
		}
	}
	return p.M.Run()
}

func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestTimedScripts are the scripts that compare clocks; they run after the others, one at a time.
func TestTimedScripts(t *testing.T) { runScripts(t, "testdata/timed") }

func runScripts(t *testing.T, dir string) {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"code":      cmdCode,
		"interrupt": cmdInterrupt,
		"noleft":    cmdNoLeft,
		"json":      cmdJSON,
		"stamped":   cmdStamped,
		"lines":     cmdLines,
		"latest":    cmdLatest,
		"listen":    cmdListen,
		"truth":     cmdTruth,
	}
	maps.Copy(cmds, faultCmds())
	maps.Copy(cmds, proofCmds())
	cmds["scheduled"] = cmdScheduled
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CONFIGS", configs)
			e.Setenv("MODEL", filepath.Join(configs, "tiny-llama"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else every process of a run sleeps for 1 s at its end under -race
			e.Setenv("MARKER", e.WorkDir)           // inherited by every server, and how noleft knows them
			e.Setenv("XDG_RUNTIME_DIR", filepath.Join(e.WorkDir, ".run"))
			e.Values[backgroundKey{}] = new(*background)
			return errors.Join(os.Mkdir(filepath.Join(e.WorkDir, ".run"), 0o700),
				os.WriteFile(filepath.Join(e.WorkDir, "faults.yaml"), []byte(faultRecipe), 0o644))
		},
		Cmds: cmds,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "tmpfs":
				return exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt").Run() == nil, nil
			case "race":
				return raceDetector, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// cmdCode is `code N PROGRAM ARG…`: runs the program and wants exactly this exit code.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program arg…")
	}
	want := atoi(ts, args[0])
	if got := exitCodeOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit code: got %d, want %d", got, want)
	}
}

// inherited are the variables of a script that a program in its background gets.
var inherited = []string{"GORACE", "HOME", "MARKER", "MODEL", "PATH", "TMPDIR", "XDG_RUNTIME_DIR"}

// cmdInterrupt is `interrupt SIGNAL TIMES GLOB CODE PROGRAM ARG…`: starts the program, waits until a file that matches GLOB
// exists and is not empty, sends the signal as often as said, and wants exactly this exit code.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: interrupt SIGNAL TIMES GLOB CODE program arg…")
	}
	sig := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[0]]
	program, err := exec.LookPath(args[4])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args[5:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range inherited {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := os.Create(ts.MkAbs("stdout"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs("stderr"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	waitForFile(ctx, ts, ts.MkAbs(args[2]))
	for range atoi(ts, args[1]) {
		ts.Check(cmd.Process.Signal(sig))
		waitForText(ctx, stderr.Name(), "stopping in order")
	}
	got := exitCodeOf(ts, cmd.Wait())
	if want := atoi(ts, args[3]); got != want {
		ts.Fatalf("exit code: got %d, want %d; stderr:\n%s", got, want, ts.ReadFile("stderr"))
	}
}

// cmdNoLeft fails when a process that a program of this script started is still alive. Every one of them inherited MARKER;
// those that wrote their title over their environment are given away by their working directory.
func cmdNoLeft(ts *testscript.TestScript, _ bool, _ []string) {
	for _, proc := range alive(ts) {
		cmdline, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		ts.Fatalf("still alive: %s %q", proc, cmdline)
	}
}

// alive are the folders in /proc of the processes that programs of this script have started and that are no zombies.
func alive(ts *testscript.TestScript) []string {
	marker := "MARKER=" + ts.Getenv("MARKER") + "\x00"
	all, err := filepath.Glob("/proc/[0-9]*")
	ts.Check(err)
	var out []string
	for _, proc := range all {
		if cmdline, _ := os.ReadFile(filepath.Join(proc, "cmdline")); len(cmdline) == 0 {
			continue // a zombie, or of the kernel
		}
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(env), marker) || cwd == ts.MkAbs(".") {
			out = append(out, proc)
		}
	}
	return out
}

// cmdJSON is `json FILE PATH VALUE`: the value at a dotted path of a JSON file, as JSON text.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc))
	got, err := lookup(doc, strings.Split(args[1], "."))
	ts.Check(err)
	text, err := json.Marshal(got)
	ts.Check(err)
	if (string(text) == args[2]) == neg {
		ts.Fatalf("%s of %s: got %s, want %s (negated: %t)", args[1], args[0], text, args[2], neg)
	}
}

// cmdStamped is `stamped PASS N`: of the N chunks of a pass of $RUN each has its stamp of the kernel, or hardly one has not where
// somebody set the clock meanwhile; and the summary says of that what the client found.
func cmdStamped(ts *testscript.TestScript, _ bool, args []string) {
	number := func(file string, path ...string) int {
		var doc any
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(ts.Getenv("RUN"), file))), &doc))
		got, err := lookup(doc, path)
		ts.Check(err)
		n, ok := got.(float64)
		if !ok {
			ts.Fatalf("%s of %s: got %v, want a number", strings.Join(path, "."), file, got)
		}
		return int(n)
	}
	pass, chunks := args[0], atoi(ts, args[1])
	steps, told := number(filepath.Join(pass, "client.json"), "clock_steps"), number("summary.json", "client", pass, "clock_steps")
	stamped, unstamped := number("summary.json", "client", pass, "lag_ms", "n"), number("summary.json", "client", pass, "unstamped_chunks")
	if steps != told || stamped+unstamped != chunks || steps == 0 && unstamped > 0 || unstamped > chunks/20 {
		ts.Fatalf("%s: %d chunks stamped and %d not, want all of %d; the clock was set %d times, and %d by the summary", pass, stamped, unstamped,
			chunks, steps, told)
	}
}

func lookup(doc any, path []string) (any, error) {
	for _, key := range path {
		switch d := doc.(type) {
		case map[string]any:
			doc = d[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(d) {
				return nil, fmt.Errorf("no element %q in a list of %d", key, len(d))
			}
			doc = d[i]
		default:
			return nil, fmt.Errorf("nothing below %q", key)
		}
	}
	return doc, nil
}

// cmdLines is `lines FILE N`, or `lines FILE >N`: how many lines a file has.
func cmdLines(ts *testscript.TestScript, _ bool, args []string) {
	got := strings.Count(ts.ReadFile(args[0]), "\n")
	if min, atLeast := strings.CutPrefix(args[1], ">"); atLeast {
		if got <= atoi(ts, min) {
			ts.Fatalf("lines of %s: got %d, want more than %s", args[0], got, min)
		}
	} else if want := atoi(ts, args[1]); got != want {
		ts.Fatalf("lines of %s: got %d, want %d", args[0], got, want)
	}
}

// cmdLatest is `latest DIR`: sets RUN to the newest run directory below DIR, through its link.
func cmdLatest(ts *testscript.TestScript, _ bool, args []string) {
	link := ts.MkAbs(filepath.Join(args[0], "latest"))
	target, err := os.Readlink(link)
	ts.Check(err)
	ts.Setenv("RUN", filepath.Join(filepath.Dir(link), target))
}

// cmdListen is `listen [PORT]`: sets PORT to a port of 127.0.0.1 on which this process listens until the script ends.
func cmdListen(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strings.Join(append(args, "0")[:1], ""))
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv("PORT", strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// cmdTruth is `truth SUMMARY DIR`: the latencies of a summary.json agree with what the simulator wrote into DIR about the
// same requests, within 2 % or 20 ms, whichever is more.
func cmdTruth(ts *testscript.TestScript, _ bool, args []string) {
	var s struct {
		RunID string  `json:"run_id"`
		E2E   float64 `json:"end_to_end_latency_s"`
		Sum   float64 `json:"summarization_latency_s"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &s))
	for pass, got := range map[string]float64{"full": s.E2E, "summarization": s.Sum} {
		files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "*-"+pass+".jsonl"))
		ts.Check(err)
		if len(files) != 1 {
			ts.Fatalf("truth files of the %s pass: got %v, want one", pass, files)
		}
		want := measuredMakespan(ts, files[0], fmt.Sprintf("%s-%s-", s.RunID, pass))
		if diff := math.Abs(got - want); want == 0 || diff > max(0.02*want, 0.02) {
			ts.Fatalf("%s pass: got %.3f s, truth %.3f s", pass, got, want)
		}
		ts.Logf("%s pass: got %.4f s, truth %.4f s", pass, got, want)
	}
}

// measuredMakespan is the makespan in seconds of the requests whose id is prefix and a number: those of warm-up and
// readiness have a word after it.
func measuredMakespan(ts *testscript.TestScript, file, prefix string) float64 {
	f, err := os.Open(file)
	ts.Check(err)
	defer f.Close()
	truth, err := simulator.ReadTruth(f)
	ts.Check(err)
	var first, last int64
	for _, r := range truth.Requests {
		number, ours := strings.CutPrefix(r.RequestID, prefix)
		if _, err := strconv.Atoi(number); err != nil || !ours {
			continue
		}
		if last == 0 || r.ArrivalNS < first {
			first = r.ArrivalNS
		}
		last = max(last, r.DoneNS)
	}
	return time.Duration(last - first).Seconds()
}

func exitCodeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("running the program: %v", err)
	return -1
}

func atoi(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

func waitForFile(ctx context.Context, ts *testscript.TestScript, glob string) {
	poll(ctx, func() bool {
		found, err := filepath.Glob(glob)
		ts.Check(err)
		for _, f := range found {
			if info, err := os.Stat(f); err == nil && info.Size() > 0 {
				return true
			}
		}
		return false
	})
	if ctx.Err() != nil {
		ts.Fatalf("no file %s came", glob)
	}
}

// waitForText waits a moment until a file has text; that it never comes is not an error here.
func waitForText(ctx context.Context, file, text string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	poll(ctx, func() bool {
		data, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(data), text)
	})
}

func poll(ctx context.Context, ok func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
