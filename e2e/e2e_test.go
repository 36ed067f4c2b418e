//go:build e2e

// Package e2e runs the built program against a real vLLM, as a user would, and holds what it prints and stores against what
// the server itself counted. It reads published files and the command line only, none of this module's packages.
//
// A test starts the program (command_test.go), reads the run directory it leaves (rundir_test.go, metrics_test.go) and looks
// for processes that should be gone (process_test.go). Where the times of requests come from is held against the server's own
// histograms and the client's clock, by version (timings_test.go), and every figure is made anew with pandas
// (check_summary.py, figures_test.go). A fault is done to a run under way (job_test.go), whose processes are
// kept account of (family_test.go). `make e2e` installs two versions of vLLM, builds the program and runs this.
package e2e

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What testdata/tiny-llama.yaml sends.
const (
	prompts        = 64
	promptTokens   = 14670
	maxOutput      = 32
	maxModelLen    = 2048
	ownShareBudget = 2.0 // seconds that the program itself may add to a run
)

func TestWholeJob(t *testing.T) {
	p := newProgram(t)
	out := t.ArtifactDir()
	done := p.run(t, "-c", "testdata/tiny-llama.yaml", "--output", out, "--json")
	left := p.leftovers(t)
	if done.code != 0 {
		t.Fatalf("exit %d, want 0\n%s", done.code, serverLogs(t, out))
	}
	if len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	dir := onlyRun(t, filepath.Join(out, "tiny-llama"))
	r := readRun(t, dir)
	if left := membersOf(t, r.sessions()); len(left) > 0 {
		t.Errorf("left of the servers' sessions: %q", left)
	}

	t.Run("stdout is summary.json", func(t *testing.T) {
		if diff := cmp.Diff(string(r.file(t, "summary.json")), string(done.stdout)); diff != "" {
			t.Errorf("(-summary.json +stdout):\n%s", diff)
		}
	})
	t.Run("verdict", func(t *testing.T) { checkVerdict(t, r) })
	t.Run("totals", func(t *testing.T) { checkTotals(t, r) })
	t.Run("latencies", func(t *testing.T) { checkLatencies(t, r) })
	t.Run("throughputs", func(t *testing.T) { checkThroughputs(t, r) })
	for i := range r.passes {
		t.Run("records of "+r.passes[i].Name, func(t *testing.T) { checkRecords(t, r, &r.passes[i]) })
		t.Run("server's counters of "+r.passes[i].Name, func(t *testing.T) { checkCounters(t, &r.passes[i]) })
	}
	t.Run("launches", func(t *testing.T) { checkLaunches(t, p, r) })
	t.Run("phases", func(t *testing.T) { checkPhases(t, r, done.took) })
	t.Run("report", func(t *testing.T) { checkReport(t, p, r) })
	t.Run("figures", func(t *testing.T) { checkFigures(t, p, r) })
}

func TestUnknownFlag(t *testing.T) {
	p := newProgram(t)
	out := t.ArtifactDir()
	done := p.run(t, "-c", "testdata/unknown-flag.yaml", "--output", out)
	ended := time.Now()
	if left := p.leftovers(t); len(left) > 0 {
		t.Errorf("left running: %q", left)
	}
	if done.code != 5 {
		t.Fatalf("exit %d, want 5", done.code)
	}
	for _, want := range []string{"unrecognized arguments: --no-such-flag", "status 2"} {
		if !strings.Contains(string(done.stderr), want) {
			t.Errorf("stderr does not say %q", want)
		}
	}
	dir := onlyRun(t, filepath.Join(out, "unknown-flag"))
	log, err := os.Stat(filepath.Join(dir, "full", "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	// The server's imports take as long as the machine makes them; what the program adds is the time since the last line.
	if late := ended.Sub(log.ModTime()); late > 10*time.Second {
		t.Errorf("the program ended %v after the server's last line, want at once", late)
	}
	if done.took > 2*time.Minute {
		t.Errorf("took %v; on an idle machine it is under a minute", done.took)
	}
	m := readManifest(t, dir)
	if m.Failure == nil || m.Failure.ExitCode != 5 || !strings.Contains(m.Failure.Message, "--no-such-flag") {
		t.Errorf("failure in the manifest: %+v; want exit code 5 and the flag's name", m.Failure)
	}
	if len(m.Passes) != 1 || m.Passes[0].ServerExit == nil || m.Passes[0].ServerExit.Status != 2 {
		t.Errorf("passes in the manifest: %+v; want one, whose server ended with status 2", m.Passes)
	}
	if f := readPostmortem(t, dir); f.Class != "unknown_flag" || !strings.Contains(f.Line, "--no-such-flag") || f.Retry ||
		f.Exit == nil || f.Exit.Status != 2 {
		t.Errorf("failure.json: %+v; want the class unknown_flag with the flag's line, no retry, and an exit with status 2", f)
	}
	if s := readSummary(t, dir); s.Verdict != "invalid" || !s.Partial || s.EndToEndLatency != nil {
		t.Errorf("verdict %q, partial %t, end_to_end_latency_s %v; want an invalid, partial summary without numbers", s.Verdict,
			s.Partial, s.EndToEndLatency)
	}
}

func checkVerdict(t *testing.T, r *runDir) {
	if r.summary.Verdict != "valid" || r.summary.Partial || len(r.summary.Reasons) > 0 {
		t.Errorf("verdict %q, partial %t, reasons %v; want valid", r.summary.Verdict, r.summary.Partial, r.summary.Reasons)
	}
	if r.manifest.Failure != nil || len(r.manifest.LaunchDifferences) > 0 {
		t.Errorf("failure %+v, launch differences %q; want none", r.manifest.Failure, r.manifest.LaunchDifferences)
	}
	for name, counts := range map[string]*requestCounts{"full": r.summary.Requests.Full,
		"summarization": r.summary.Requests.Summarization} {
		want := &requestCounts{Planned: prompts, Successful: prompts}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("%s requests (-want +got):\n%s", name, diff)
		}
	}
}

func checkTotals(t *testing.T, r *runDir) {
	if got := value(t, "total_input_tokens", r.summary.TotalInputTokens); got != promptTokens {
		t.Errorf("total_input_tokens %d, want %d", got, promptTokens)
	}
	var usage int
	for _, rec := range r.passes[0].records {
		usage += value(t, "completion_tokens", rec.CompletionTokens)
	}
	if got := value(t, "total_generated_tokens", r.summary.TotalGeneratedTokens); got != usage {
		t.Errorf("total_generated_tokens %d, and the usage of the records adds up to %d", got, usage)
	}
	counted := r.passes[0].delta(t, "vllm:generation_tokens_total")
	if counted != float64(usage) {
		t.Errorf("the server counts %v generated tokens, the records %d", counted, usage)
	}
	if usage <= prompts || usage > prompts*maxOutput {
		t.Errorf("%d generated tokens; want more than one and at most %d a request", usage, maxOutput)
	}
}

func checkLatencies(t *testing.T, r *runDir) {
	endToEnd := value(t, "end_to_end_latency_s", r.summary.EndToEndLatency)
	summarization := value(t, "summarization_latency_s", r.summary.SummarizationLatency)
	generation := value(t, "generation_latency_s", r.summary.GenerationLatency)
	if nanoseconds(generation) != nanoseconds(endToEnd)-nanoseconds(summarization) {
		t.Errorf("generation_latency_s %v, want %v − %v", generation, endToEnd, summarization)
	}
	if got, want := nanoseconds(endToEnd), makespan(t, r.passes[0].records); got != want {
		t.Errorf("end_to_end_latency_s is %d ns, the records say %d", got, want)
	}
	if got, want := nanoseconds(summarization), makespan(t, r.passes[1].records); got != want {
		t.Errorf("summarization_latency_s is %d ns, the records say %d", got, want)
	}
	if summarization <= 0 || generation <= 0 {
		t.Errorf("summarization_latency_s %v and generation_latency_s %v; want both positive", summarization, generation)
	}
}

func checkThroughputs(t *testing.T, r *runDir) {
	s := r.summary
	generated := value(t, "total_generated_tokens", s.TotalGeneratedTokens)
	for _, row := range []struct {
		name   string
		got    *float64
		amount int
		over   *float64
	}{
		{"summarization_throughput_tok_s", s.SummarizationThroughput, promptTokens, s.SummarizationLatency},
		{"end_to_end_throughput_tok_s", s.EndToEndThroughput, generated, s.EndToEndLatency},
		{"generation_throughput_tok_s", s.GenerationThroughput, generated, s.GenerationLatency},
		{"request_throughput_req_s", s.RequestThroughput, prompts, s.EndToEndLatency},
	} {
		seconds := value(t, "the latency of "+row.name, row.over)
		if got, want := value(t, row.name, row.got), float64(row.amount)/seconds; !same(got, want) {
			t.Errorf("%s %v, want %d / %v = %v", row.name, got, row.amount, seconds, want)
		}
	}
}

func checkRecords(t *testing.T, r *runDir, p *passDir) {
	if len(p.records) != prompts {
		t.Fatalf("%d records, want %d", len(p.records), prompts)
	}
	seen := map[int]bool{}
	sent := 0
	for _, rec := range p.records {
		if rec.ErrorClass != "" || rec.Status != 200 {
			t.Errorf("request %s: status %d, error %q", rec.RequestID, rec.Status, rec.ErrorClass)
			continue
		}
		if want := r.manifest.RunID + "-" + p.Name + "-" + strconv.Itoa(rec.Index); rec.RequestID != want {
			t.Errorf("request id %s, want %s", rec.RequestID, want)
		}
		checkTokens(t, p, rec)
		checkOrder(t, rec)
		seen[rec.Index] = true
		sent += rec.PromptTokensSent
	}
	if len(seen) != prompts || sent != promptTokens {
		t.Errorf("%d different prompts with %d tokens, want %d with %d", len(seen), sent, prompts, promptTokens)
	}
}

// checkTokens holds the usage of one request against what was sent and asked for.
func checkTokens(t *testing.T, p *passDir, rec record) {
	if got := value(t, "prompt_tokens", rec.PromptTokens); got != rec.PromptTokensSent {
		t.Errorf("request %s: the server counted %d prompt tokens, sent were %d", rec.RequestID, got, rec.PromptTokensSent)
	}
	generated := value(t, "completion_tokens", rec.CompletionTokens)
	switch {
	case p.Name == "summarization" && generated != 1:
		t.Errorf("request %s: %d generated tokens, want 1", rec.RequestID, generated)
	case rec.FinishReason == "length" && generated != rec.MaxTokens:
		t.Errorf("request %s: ended by length after %d tokens, asked for %d", rec.RequestID, generated, rec.MaxTokens)
	case rec.FinishReason != "length" && rec.FinishReason != "stop":
		t.Errorf("request %s: finish reason %q", rec.RequestID, rec.FinishReason)
	}
}

// checkOrder holds the instants of one request against the order in which they must have happened.
func checkOrder(t *testing.T, rec record) {
	instants := []int64{rec.ScheduledNS}
	for _, at := range []*int64{rec.SentNS, rec.HeadersNS, rec.FirstTokenNS, rec.LastTokenNS, rec.DoneNS} {
		instants = append(instants, value(t, "an instant of request "+rec.RequestID, at))
	}
	if !slices.IsSorted(instants) {
		t.Errorf("request %s: scheduled, sent, headers, first token, last token, done are not in order: %d", rec.RequestID, instants)
	}
}

func checkCounters(t *testing.T, p *passDir) {
	generated, reasons := 0, map[string]float64{}
	for _, rec := range p.records {
		generated += value(t, "completion_tokens", rec.CompletionTokens)
		reasons[rec.FinishReason]++
	}
	for name, want := range map[string]float64{
		"vllm:prompt_tokens_total":     promptTokens,
		"vllm:generation_tokens_total": float64(generated),
		"vllm:request_success_total":   prompts,
		"vllm:num_preemptions_total":   0,
	} {
		if got := p.delta(t, name); got != want {
			t.Errorf("%s grew by %v during the pass, want %v", name, got, want)
		}
	}
	for _, reason := range []string{"stop", "length", "abort", "error"} {
		got := p.delta(t, "vllm:request_success_total", `finished_reason="`+reason+`"`)
		if got != reasons[reason] {
			t.Errorf("the server counts %v requests that ended by %s, the records %v", got, reason, reasons[reason])
		}
	}
}

func checkLaunches(t *testing.T, p *program, r *runDir) {
	full, summarization := r.passes[0].Launch, r.passes[1].Launch
	if diff := cmp.Diff(withoutOwn(t, full), withoutOwn(t, summarization)); diff != "" {
		t.Errorf("arguments (-full +summarization):\n%s", diff)
	}
	if diff := cmp.Diff(full.Env, summarization.Env); diff != "" {
		t.Errorf("environment (-full +summarization):\n%s", diff)
	}
	command := []string{"taskset", "-c", p.cpu, p.python, "-m", "vllm.entrypoints.openai.api_server"}
	if len(full.Argv) < len(command) || !slices.Equal(full.Argv[:len(command)], command) {
		t.Errorf("the server was started with %q, want %q first", full.Argv, command)
	}
	flags := "--load-format dummy --enforce-eager --dtype float32 --max-model-len 2048 --max-num-seqs 16"
	if all := strings.Join(full.Argv, " "); !strings.Contains(all, flags) {
		t.Errorf("the server was started with %q, want the recipe's flags in their order: %q", all, flags)
	}
	for _, want := range []string{"VLLM_CPU_KVCACHE_SPACE=1", "OMP_NUM_THREADS=1", "HF_HUB_OFFLINE=1", p.mark} {
		if !slices.Contains(full.Env, want) {
			t.Errorf("the server's environment lacks %s", want)
		}
	}
	if full.ServedModel == summarization.ServedModel || full.PID == summarization.PID {
		t.Errorf("served names %s and %s, processes %d and %d; want two servers with a name each", full.ServedModel,
			summarization.ServedModel, full.PID, summarization.PID)
	}
	for _, pass := range r.passes {
		if pass.Server.Version == "" || pass.Server.Version != r.passes[0].Server.Version || pass.Server.MaxModelLen != maxModelLen {
			t.Errorf("%s server: version %q, max_model_len %d; want the same version in both passes, and %d", pass.Name,
				pass.Server.Version, pass.Server.MaxModelLen, maxModelLen)
		}
	}
}

func checkPhases(t *testing.T, r *runDir, took time.Duration) {
	times := r.summary.Phases
	total, own := value(t, "phases.total_s", times.Total), value(t, "phases.own_s", times.Own)
	sum := own
	for name, p := range map[string]*passTimes{"full": times.Full, "summarization": times.Summarization} {
		if p == nil {
			t.Fatalf("phases.%s is absent", name)
		}
		for key, seconds := range map[string]*float64{"start_s": p.Start, "warmup_s": p.Warmup, "pass_s": p.Pass, "stop_s": p.Stop} {
			sum += value(t, "phases."+name+"."+key, seconds)
		}
	}
	if !same(sum, total) {
		t.Errorf("the phases and own_s add up to %v s, total_s is %v", sum, total)
	}
	if own < 0 || own >= ownShareBudget {
		t.Errorf("own_s %v, want from 0 to below %v", own, ownShareBudget)
	}
	if rest := took.Seconds() - total; rest < 0 || rest > ownShareBudget {
		t.Errorf("total_s %v, and the command took %v; want hardly less", total, took)
	}
	if pass, span := *times.Full.Pass, value(t, "end_to_end_latency_s", r.summary.EndToEndLatency); pass < span {
		t.Errorf("phases.full.pass_s %v is shorter than end_to_end_latency_s %v", pass, span)
	}
}

func checkReport(t *testing.T, p *program, r *runDir) {
	before := listing(t, r.dir)
	for _, row := range []struct {
		file string
		args []string
	}{
		{"summary.txt", []string{"report", r.dir}},
		{"summary.json", []string{"report", r.dir, "--format", "json"}},
		{"summary.json", []string{"report", "--format", "json", filepath.Join(filepath.Dir(r.dir), "latest")}},
	} {
		done := p.run(t, row.args...)
		if done.code != 0 {
			t.Errorf("%q: exit %d, want 0", row.args, done.code)
		}
		if diff := cmp.Diff(string(r.file(t, row.file)), string(done.stdout)); diff != "" {
			t.Errorf("%q (-%s +stdout):\n%s", row.args, row.file, diff)
		}
	}
	checkCSV(t, r, p.run(t, "report", r.dir, "--format", "csv"))
	md := p.run(t, "report", r.dir, "--format", "md")
	if md.code != 0 || !bytes.Contains(md.stdout, []byte("Verdict: VALID")) {
		t.Errorf("report --format md: exit %d, want 0 and the verdict in:\n%s", md.code, md.stdout)
	}
	if diff := cmp.Diff(before, listing(t, r.dir)); diff != "" {
		t.Errorf("report changed the run directory (-before +after):\n%s", diff)
	}
}

// checkCSV holds the row of `report --format csv` against summary.json in a few columns.
func checkCSV(t *testing.T, r *runDir, done outcome) {
	rows, err := csv.NewReader(bytes.NewReader(done.stdout)).ReadAll()
	if done.code != 0 || err != nil || len(rows) != 2 {
		t.Fatalf("report --format csv: exit %d, %d rows, %v; want 0, a header and one row", done.code, len(rows), err)
	}
	for column, want := range map[string]string{
		"run_id":                 r.manifest.RunID,
		"total_input_tokens":     strconv.Itoa(promptTokens),
		"total_generated_tokens": strconv.Itoa(value(t, "total_generated_tokens", r.summary.TotalGeneratedTokens)),
	} {
		i := slices.Index(rows[0], column)
		if i < 0 {
			t.Errorf("report --format csv: no column %s", column)
		} else if rows[1][i] != want {
			t.Errorf("report --format csv: %s is %q, want %q", column, rows[1][i], want)
		}
	}
}
