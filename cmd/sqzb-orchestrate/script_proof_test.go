package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// proofCmds are the commands of the scripts that are about what a run proves. All but prompts and stranger look at the run
// that latest has set.
func proofCmds() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"prompts":    cmdPrompts,
		"stranger":   cmdStranger,
		"verdict":    cmdVerdict,
		"says":       cmdSays,
		"launched":   cmdLaunched,
		"samereport": cmdSameReport,
		"known":      cmdKnown,
	}
}

// cmdPrompts is `prompts FILE N LENGTH SHARED REPEATED`: writes a data set of N prompts of LENGTH ids of which the first SHARED
// are the same in all and the next one is nowhere else; the last REPEATED prompts repeat the first ones.
func cmdPrompts(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: prompts FILE N LENGTH SHARED REPEATED")
	}
	n, length, shared, repeated := atoi(ts, args[1]), atoi(ts, args[2]), atoi(ts, args[3]), atoi(ts, args[4])
	var text bytes.Buffer
	for i := range n {
		if i >= n-repeated {
			i -= n - repeated
		}
		ids := make([]int, length)
		for k := range ids {
			switch {
			case k < shared:
				ids[k] = 3 + k%200
			case k == shared:
				ids[k] = i
			default:
				ids[k] = (i*31 + k*7) % 250
			}
		}
		ts.Check(json.NewEncoder(&text).Encode(map[string]any{"tok_inputs": ids}))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text.Bytes(), 0o644))
}

// cmdStranger is `stranger before|during DIR DATASET CODE PROGRAM ARG…`: starts the program, has somebody else send the first
// prompt of the data set to the server of the full pass, either once it is ready or in the middle of the pass, and wants exactly
// this exit code. DIR is where the run directories of this recipe are.
func cmdStranger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 || args[0] != "before" && args[0] != "during" {
		ts.Fatalf("usage: stranger before|during DIR DATASET CODE program arg…")
	}
	program, err := exec.LookPath(args[4])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args[5:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "MARKER", "MODEL", "TMPDIR", "XDG_RUNTIME_DIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	ts.Check(cmd.Start())
	run := ts.MkAbs(filepath.Join(args[1], "latest"))
	first, _, _ := strings.Cut(ts.ReadFile(args[2]), "\n")
	sendErr := sendAs(ctx, args[0], run, first)
	got := exitCodeOf(ts, cmd.Wait())
	ts.Check(sendErr)
	if want := atoi(ts, args[3]); got != want {
		ts.Fatalf("exit code: got %d, want %d; output:\n%s", got, want, output.String())
	}
}

// onGoing is what the manifest of a run tells of its first server.
type onGoing struct {
	Ended  string `json:"ended"`
	Passes []struct {
		Launch struct {
			Port        int    `json:"port"`
			ServedModel string `json:"served_model"`
		} `json:"launch"`
	} `json:"passes"`
}

// readOnGoing is nil for a run that has ended, or has no server yet.
func readOnGoing(manifest string) *onGoing {
	var o onGoing
	text, err := os.ReadFile(manifest)
	if err != nil || json.Unmarshal(text, &o) != nil || o.Ended != "" || len(o.Passes) == 0 || o.Passes[0].Launch.Port == 0 {
		return nil
	}
	return &o
}

// sendAs sends a row of a data set to the server of a run that is going on.
func sendAs(ctx context.Context, when, run, row string) error {
	var server *onGoing
	poll(ctx, func() bool {
		server = readOnGoing(filepath.Join(run, "manifest.json"))
		return server != nil
	})
	if server == nil {
		return fmt.Errorf("no server in the manifest of %s", run)
	}
	launch := server.Passes[0].Launch
	base := "http://127.0.0.1:" + strconv.Itoa(launch.Port)
	poll(ctx, func() bool {
		if when == "during" {
			_, err := os.Stat(filepath.Join(run, "full", "metrics-before.prom"))
			return err == nil
		}
		return finishedOne(ctx, base)
	})
	var prompt struct {
		IDs []int `json:"tok_inputs"`
	}
	if err := json.Unmarshal([]byte(row), &prompt); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"model": launch.ServedModel, "prompt": prompt.IDs, "max_tokens": 2})
	if err != nil {
		return err
	}
	answer, err := http.Post(base+"/v1/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the stranger's request: status %d, %v: %s", answer.StatusCode, err, text)
	}
	return nil
}

// finishedOne reports whether a server is there that has finished a request: the one that showed that it is ready.
func finishedOne(ctx context.Context, base string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return err == nil && regexp.MustCompile(`(?m)^vllm:request_success_total\{.*"length".*\} [1-9]`).Match(text)
}

// judged is what a summary says of a run.
type judged struct {
	RunID   string `json:"run_id"`
	Verdict string `json:"verdict"`
	Reasons []struct {
		Rule, Severity, Text string
	} `json:"reasons"`
	Notes []struct{ Rule, Text string } `json:"notes"`
}

func readJudged(ts *testscript.TestScript) judged {
	var j judged
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(ts.Getenv("RUN"), "summary.json"))), &j))
	return j
}

// cmdVerdict is `verdict VERDICT [RULE…]`: the verdict, and the rules of all its reasons, in their order, each once.
func cmdVerdict(ts *testscript.TestScript, _ bool, args []string) {
	j := readJudged(ts)
	var rules []string
	for _, r := range j.Reasons {
		if !slices.Contains(rules, r.Rule) {
			rules = append(rules, r.Rule)
		}
	}
	if got, want := append([]string{j.Verdict}, rules...), args; !slices.Equal(got, want) {
		ts.Fatalf("verdict and rules: got %q, want %q; reasons: %q", got, want, j.Reasons)
	}
}

// cmdSays is `[!] says RULE [PATTERN]`: a reason or a note of this rule has a text that matches.
func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: says RULE [PATTERN]")
	}
	pattern, err := regexp.Compile(strings.Join(args[1:], " "))
	ts.Check(err)
	j := readJudged(ts)
	found := false
	for _, r := range j.Reasons {
		found = found || r.Rule == args[0] && pattern.MatchString(r.Text)
	}
	for _, n := range j.Notes {
		found = found || n.Rule == args[0] && pattern.MatchString(n.Text)
	}
	if found == neg {
		ts.Fatalf("%s with %q: got %t; reasons: %q; notes: %q", args[0], pattern, found, j.Reasons, j.Notes)
	}
}

// cmdLaunched is `[!] launched WORD`: both servers were started with a word on their command line or in their environment.
func cmdLaunched(ts *testscript.TestScript, neg bool, args []string) {
	var m struct {
		Passes []struct {
			Launch struct{ Argv, Env []string } `json:"launch"`
		} `json:"passes"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(ts.Getenv("RUN"), "manifest.json"))), &m))
	if len(m.Passes) != 2 || len(args) != 1 {
		ts.Fatalf("usage: launched WORD; got %d passes and %q", len(m.Passes), args)
	}
	for i, pass := range m.Passes {
		if found := slices.Contains(slices.Concat(pass.Launch.Argv, pass.Launch.Env), args[0]); found == neg {
			ts.Fatalf("pass %d, %q: got %t; command line %q", i, args[0], found, pass.Launch.Argv)
		}
	}
}

// cmdSameReport is `samereport`: report makes the same bytes from the run directory as the run did.
func cmdSameReport(ts *testscript.TestScript, _ bool, _ []string) {
	run := ts.Getenv("RUN")
	for format, file := range map[string]string{"text": "summary.txt", "json": "summary.json"} {
		ts.Check(ts.Exec("sqzb-orchestrate", "report", "--format", format, run))
		if ts.ReadFile("stdout") != ts.ReadFile(filepath.Join(run, file)) {
			ts.Fatalf("report --format %s gives other bytes than %s", format, file)
		}
	}
}
