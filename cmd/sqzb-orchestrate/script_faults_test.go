package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// TestFaults is the fault matrix: a script for each row of docs/faults.md.
func TestFaults(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no guardian, and no /proc to look for processes in")
	}
	runScripts(t, "testdata/faults")
}

// faultRecipe is what the rows run: a server with vLLM's process tree, whose environment cannot be read from outside, and four
// requests at a time, so that all but three of the requests before one have ended when it is sent.
const faultRecipe = `server:
  command: [simulator]
  model: ${MODEL}
  args:
    max-model-len: 2048
    max-num-seqs: 4
    sim-tree: true
    sim-wipe-environ: true
    sim-startup: 50ms
    sim-step: 4ms
    sim-death-delay: 200ms
dataset: {num_requests: 24}
load: {max_input_len: 8, max_output_len: 64, concurrency: 4, warmup_requests: 2}
output: {dir: out}
verdict: {max_schedule_lag: 30s, max_client_cpu_share: 2, max_lag_icl_share: 1e9, max_coalesced_share: 1}
`

// faultCmds are the commands that only the rows of the fault matrix have.
func faultCmds() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"run":      cmdRun,
		"start":    cmdStart,
		"await":    cmdAwait,
		"daemon":   cmdDaemon,
		"grown":    cmdGrown,
		"written":  cmdWritten,
		"signal":   cmdSignal,
		"end":      cmdEnd,
		"gone":     cmdGone,
		"memory":   cmdMemory,
		"failed":   cmdFailed,
		"kept":     cmdKept,
		"again":    cmdAgain,
		"nostate":  cmdNoState,
		"freeport": cmdFreePort,
		"twin":     cmdTwin,
		"example":  cmdExample,
	}
}

// recipeArgs are the arguments of the program for the recipe with faults of the simulator: FAULT… [-- ARG…].
func recipeArgs(args []string) []string {
	faults, more := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		faults, more = args[:i], args[i+1:]
	}
	out := []string{"-c", "faults.yaml"}
	if len(faults) > 0 {
		list, _ := json.Marshal(faults) // strings can always be encoded
		out = append(out, "--set", "server.args.sim-fault="+string(list))
	}
	return append(out, more...)
}

// cmdRun is `run CODE [FAULT…] [-- ARG…]`: runs the recipe with faults of the simulator and wants exactly this exit code. What
// the program started must be gone when it ends.
func cmdRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: run CODE [FAULT…] [-- ARG…]")
	}
	cmdCode(ts, false, append([]string{args[0], "sqzb-orchestrate"}, recipeArgs(args[1:])...))
	cmdNoLeft(ts, false, nil)
	cmdNoState(ts, false, nil)
}

// runManifest is what the commands below look at in a manifest.json.
type runManifest struct {
	Passes []struct {
		Name string `json:"name"`
	} `json:"passes"`
	Failure *struct {
		ExitCode int `json:"exit_code"`
	} `json:"failure"`
}

// cmdFailed is `failed CLASS`: the latest run failed by its server, failure.json has this class and all that belongs in it, the
// server can be started again by hand, and the report can be made again. It sets RUN as latest does.
func cmdFailed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: failed CLASS")
	}
	cmdLatest(ts, false, []string{"out/faults"})
	run := ts.Getenv("RUN")
	var f struct {
		Class, Step, What, Pass string
		Log                     string
		Advice                  string
		Line                    string
	}
	text := ts.ReadFile(filepath.Join(run, "failure.json"))
	ts.Check(json.Unmarshal([]byte(text), &f))
	if f.Class != args[0] || f.Step == "" || f.What == "" || f.Pass == "" || f.Advice == "" {
		ts.Fatalf("failure.json: got class %q, want %q, and a step, a pass, what happened and advice:\n%s", f.Class, args[0], text)
	}
	if f.Log != "" {
		if _, err := os.Stat(ts.MkAbs(filepath.Join(run, f.Log))); err != nil {
			ts.Fatalf("the log that failure.json names: %v", err)
		}
	}
	if info, err := os.Stat(ts.MkAbs(filepath.Join(run, "replay.sh"))); err != nil || info.Mode().Perm()&0o100 == 0 {
		ts.Fatalf("replay.sh: %v, %v; want a file that can be run", info, err)
	}
	var m runManifest
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(run, "manifest.json"))), &m))
	if m.Failure == nil || m.Failure.ExitCode != 5 && m.Failure.ExitCode != 8 {
		ts.Fatalf("failure in manifest.json: got %+v, want one with exit code 5 or 8", m.Failure)
	}
	cmdAgain(ts, false, nil)
}

// cmdAgain is `again`: the report of the run in RUN can be made from what is on disk, is the one that the run itself made, if it
// came to that, and says that the run was not complete; `! again` says that it was valid.
func cmdAgain(ts *testscript.TestScript, neg bool, _ []string) {
	run := ts.Getenv("RUN")
	if err := ts.Exec("sqzb-orchestrate", "report", run); err != nil {
		ts.Fatalf("making the report again: %v", err)
	}
	text := ts.ReadFile("stdout")
	if verdict := "Verdict: INVALID"; strings.Contains(text, verdict) == neg {
		ts.Fatalf("the report: %q in it: %t, want %t", verdict, !neg, neg)
	}
	made, err := os.ReadFile(ts.MkAbs(filepath.Join(run, "summary.txt")))
	if err != nil && !os.IsNotExist(err) {
		ts.Fatalf("the report of the run: %v", err)
	}
	if diff := cmp.Diff(text, string(made)); err == nil && diff != "" {
		ts.Fatalf("the report made again (-) and that of the run (+) differ:\n%s", diff)
	}
}

// cmdKept is `kept PASS N [M]`: records.jsonl of a pass of the run in RUN has whole lines only, no request twice, at least N
// successes (exactly M records, if M is given), and the report counts just these. The last line may be cut off where the
// program was killed while it wrote it.
func cmdKept(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: kept PASS N [M]")
	}
	run := ts.Getenv("RUN")
	file := filepath.Join(run, args[0], "records.jsonl")
	data := []byte(ts.ReadFile(file))
	if whole := data[:bytes.LastIndexByte(data, '\n')+1]; len(whole) < len(data) {
		if strings.Contains(ts.ReadFile(filepath.Join(run, "manifest.json")), `"ended"`) {
			ts.Fatalf("the last record is not whole: %q", data[len(whole):])
		}
		data = whole
	}
	ok, all := countRecords(ts, data)
	if ok < atoi(ts, args[1]) || len(args) > 2 && all != atoi(ts, args[2]) {
		ts.Fatalf("%s: got %d successes among %d records, want %v", file, ok, all, args[1:])
	}
	if err := ts.Exec("sqzb-orchestrate", "report", run, "--format", "json"); err != nil {
		ts.Fatalf("making the report again: %v", err)
	}
	var s struct {
		Requests map[string]*struct{ Successful int }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &s))
	if got := s.Requests[args[0]]; got == nil || got.Successful != ok {
		ts.Fatalf("the report's successes of pass %s: got %+v, want %d", args[0], got, ok)
	}
}

// countRecords checks records and counts the successes and all of them.
func countRecords(ts *testscript.TestScript, data []byte) (ok, all int) {
	seen := map[string]bool{}
	for line := range bytes.Lines(data) {
		var r bench.Record
		ts.Check(json.Unmarshal(line, &r))
		if r.RequestID == "" || seen[r.RequestID] {
			ts.Fatalf("record %d: request id %q is empty or was there before", all, r.RequestID)
		}
		seen[r.RequestID] = true
		if all++; r.OK() {
			ok++
		}
	}
	return ok, all
}

// cmdNoState is `nostate`: no state file of a launch is left; `! nostate` wants one.
func cmdNoState(ts *testscript.TestScript, neg bool, _ []string) {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("XDG_RUNTIME_DIR"), "sqzb-orchestrate", "*"))
	ts.Check(err)
	if (len(files) > 0) != neg {
		ts.Fatalf("state files: got %q; some wanted: %t", files, neg)
	}
}

// cmdFreePort is `freeport`: sets PORT to a port that nothing listens on, neither one that the program would choose nor one that
// the system hands out.
func cmdFreePort(ts *testscript.TestScript, _ bool, _ []string) {
	for range 100 {
		port := strconv.Itoa(12000 + rand.IntN(8000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			ts.Check(l.Close())
			ts.Setenv("PORT", port)
			return
		}
	}
	ts.Fatalf("no port is free")
}

// cmdExample is `example FILE`: writes the wrapper script of docs/ownership.md to a file that can be run.
func cmdExample(ts *testscript.TestScript, _ bool, args []string) {
	const doc, begin = "../../docs/ownership.md", "```sh\n"
	data, err := os.ReadFile(doc)
	ts.Check(err)
	_, rest, found := strings.Cut(string(data), begin)
	script, _, closed := strings.Cut(rest, "```")
	if !found || !closed || !strings.HasPrefix(script, "#!/bin/sh\n") {
		ts.Fatalf("%s has no example of a wrapper script", doc)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(script), 0o755))
}

// twinName is the served name of a stranger's server.
const twinName = "somebody-elses"

// cmdTwin is `twin PORT`: starts somebody else's server, which shares the port, and waits until it listens. It is no process of
// the script. `twin` alone: it is still alive, whatever became of the run.
func cmdTwin(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		pid := ts.Getenv("TWIN")
		data, err := os.ReadFile("/proc/" + pid + "/cmdline")
		if err != nil || !strings.Contains(string(data), twinName) {
			ts.Fatalf("somebody else's server, process %s, is gone: %q, %v", pid, data, err)
		}
		return
	}
	ready := ts.MkAbs("twin-ready")
	cmd := programCommand(ts, "simulator", "--model", ts.Getenv("MODEL"), "--host", "127.0.0.1", "--port", args[0],
		"--served-model-name", twinName, "--sim-startup", "0s", "--sim-reuseport", "--sim-ready-file", ready)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + ts.Getenv("PATH")}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	awaitText(ts, ready, "")
	ts.Setenv("TWIN", strconv.Itoa(cmd.Process.Pid))
}
