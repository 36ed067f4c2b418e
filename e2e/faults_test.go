//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// endsWithin is what a run may take from a fault to its end, with nothing left.
	endsWithin = 15 * time.Second
	// orphansEndWithin is the same for the processes of a program that was killed.
	orphansEndWithin = 10 * time.Second
	// faultOutput is what testdata/faults.yaml asks for per request; nothing ends an output earlier.
	faultOutput = 600
)

func TestEngineCoreKilled(t *testing.T) {
	t.Parallel()
	j := newProgram(t).start(t, "faults")
	j.untilLoaded(t)
	before := j.journal(t)
	killed := j.engine(t)
	fault := time.Now()
	if err := killed.kill(); err != nil {
		t.Fatal(err)
	}
	j.checkEnd(t, fault, 5)
	r := j.readFaulted(t, before)
	r.checkFailed(t, "engine_death")
}

func TestAPIServerKilled(t *testing.T) {
	t.Parallel()
	j := newProgram(t).start(t, "faults")
	j.untilLoaded(t)
	before := j.journal(t)
	killed := j.apiServer(t)
	fault := time.Now()
	if err := killed.kill(); err != nil {
		t.Fatal(err)
	}
	j.checkEnd(t, fault, 5)
	r := j.readFaulted(t, before)
	r.checkFailed(t, "killed")
	if exit := r.postmortem.Exit; exit == nil || exit.Signal != "SIGKILL" || exit.Phase != "pass" {
		t.Errorf("exit in failure.json: %+v; want SIGKILL during the pass", exit)
	}
}

// TestTerminatedWhileImporting: Python has not yet come to handle signals.
func TestTerminatedWhileImporting(t *testing.T) {
	t.Parallel()
	j := newProgram(t).start(t, "faults")
	j.until(t, "the server logs", func() bool { return j.launched(t) > 0 && j.logging() })
	j.checkTerminated(t)
}

// TestTerminatedWhileEngineStarts: vLLM then takes no notice of SIGTERM.
func TestTerminatedWhileEngineStarts(t *testing.T) {
	t.Parallel()
	j := newProgram(t).start(t, "faults")
	j.until(t, "the API server has children", func() bool {
		leader := j.launched(t)
		return leader > 0 && j.logging() && slices.ContainsFunc(j.family.look(t), func(p process) bool {
			return p.parent == leader && (strings.Contains(p.title, "multiprocessing") || strings.HasPrefix(p.title, "VLLM::"))
		})
	})
	j.checkTerminated(t)
}

// checkTerminated sends SIGTERM to the program while its server is starting.
func (j *job) checkTerminated(t *testing.T) {
	t.Helper()
	j.family.look(t) // what has started up to now is known, whatever becomes of its parents
	fault := time.Now()
	if err := j.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	j.checkEnd(t, fault, 143)
	dir := onlyRun(t, j.results)
	m, s := readManifest(t, dir), readSummary(t, dir)
	if m.Interrupted != "SIGTERM" || m.Failure == nil || m.Failure.ExitCode != 143 {
		t.Errorf("manifest: interrupted %q, failure %+v; want SIGTERM and exit code 143", m.Interrupted, m.Failure)
	}
	if len(m.Passes) != 1 || m.Passes[0].Server.Version != "" || m.Passes[0].ServerExit != nil {
		t.Errorf("passes in the manifest: %+v; want one, whose server never became ready and did not end by itself", m.Passes)
	}
	if s.Verdict != "invalid" || !s.Partial || !s.blames("interrupted") {
		t.Errorf("verdict %q, partial %t, reasons %+v; want an invalid, partial summary of an interrupted run", s.Verdict,
			s.Partial, s.Reasons)
	}
	for _, name := range []string{"failure.json", "replay.sh"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v; want no such file, since the server did not fail", name, err)
		}
	}
	if data := j.journal(t); len(data) > 0 {
		t.Errorf("records of requests that nobody sent:\n%s", data)
	}
}

func TestOrchestratorKilled(t *testing.T) {
	t.Parallel()
	j := newProgram(t).start(t, "faults")
	j.untilLoaded(t)
	before := j.journal(t)
	j.engine(t) // the engine is known, whatever becomes of its parents
	fault := time.Now()
	if err := j.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-j.ended
	j.checkGone(t, fault, orphansEndWithin)
	j.checkReportOfKilled(t, before)
}

// checkReportOfKilled holds what `report` says of a run whose program was killed against what is on disk.
func (j *job) checkReportOfKilled(t *testing.T, before []byte) {
	t.Helper()
	dir := onlyRun(t, j.results)
	records := checkKept(t, before, j.journal(t))
	if len(records) >= prompts {
		t.Errorf("%d records; want fewer than the %d requests, or there was no load", len(records), prompts)
	}
	text := j.run(t, "report", dir)
	if text.code != 0 || !bytes.Contains(text.stdout, []byte("Verdict: INVALID")) {
		t.Errorf("report: exit %d, want 0 and the verdict INVALID in:\n%s", text.code, text.stdout)
	}
	done := j.run(t, "report", dir, "--format", "json")
	if done.code != 0 {
		t.Fatalf("report --format json: exit %d, want 0", done.code)
	}
	var s summary
	if err := json.Unmarshal(done.stdout, &s); err != nil {
		t.Fatalf("report --format json: %v", err)
	}
	if s.Verdict != "invalid" || !s.Partial || !s.blames("unfinished") || s.GenerationLatency != nil {
		t.Errorf("verdict %q, partial %t, reasons %+v, generation_latency_s %v; want an invalid, partial summary of an "+
			"unfinished run, without what needs both passes", s.Verdict, s.Partial, s.Reasons, s.GenerationLatency)
	}
	if got := s.Requests.Full; got == nil || got.Planned != prompts || got.Successful != len(records) {
		t.Errorf("requests of the full pass: %+v; want %d planned and %d successful", got, prompts, len(records))
	}
}

// checkEnd waits for the end of the program and of everything it started, and holds its exit status against want. What does
// not belong to the program itself must be gone when it ends, not later.
func (j *job) checkEnd(t *testing.T, fault time.Time, want int) {
	t.Helper()
	select {
	case <-j.ended:
	case <-time.After(time.Until(fault.Add(endsWithin))):
		t.Fatalf("the program runs %v after the fault, with %v", endsWithin, j.family.look(t))
	}
	for _, p := range j.family.look(t) {
		if !p.runs(j.binary) {
			t.Errorf("the program has ended, and left %v", p)
		}
	}
	t.Logf("the program ended %.2f s after the fault", j.endedAt.Sub(fault).Seconds())
	j.checkGone(t, fault, endsWithin)
	if got := j.cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("exit %d (%v), want %d", got, j.cmd.ProcessState, want)
	}
	checkCrash(t, j.cmd.Args, j.said(t))
}

// checkGone waits until nothing of the run is left.
func (j *job) checkGone(t *testing.T, fault time.Time, within time.Duration) {
	t.Helper()
	tick := time.NewTicker(lookEvery / 4)
	defer tick.Stop()
	timeout := time.After(time.Until(fault.Add(within)))
	for left := j.family.look(t); len(left) > 0; left = j.family.look(t) {
		select {
		case <-timeout:
			t.Errorf("left %v after the fault: %v", within, left)
			return
		case <-tick.C:
		}
	}
	t.Logf("nothing was left %.2f s after the fault, of %d processes", time.Since(fault).Seconds(), len(j.family.known))
}

// faultedRun is the run directory of a run whose server died in the full pass.
type faultedRun struct {
	dir        string
	manifest   manifest
	summary    summary
	postmortem postmortem
	records    []record
}

// readFaulted reads the run directory; before is the journal as it was before the fault.
func (j *job) readFaulted(t *testing.T, before []byte) *faultedRun {
	t.Helper()
	dir := onlyRun(t, j.results)
	return &faultedRun{dir: dir, manifest: readManifest(t, dir), summary: readSummary(t, dir), postmortem: readPostmortem(t, dir),
		records: checkKept(t, before, j.journal(t))}
}

// checkFailed holds the files against one another, and against the class of the failure.
func (r *faultedRun) checkFailed(t *testing.T, class string) {
	t.Helper()
	f := r.postmortem
	if f.Class != class || f.Line == "" || f.Advice == "" || f.Retry {
		t.Errorf("failure.json: %+v; want the class %s, a line, advice, and no retry", f, class)
	}
	if f.RunID != r.manifest.RunID || f.Step != "full: pass" || f.Log != "full/server.log" {
		t.Errorf("failure.json: run %q, step %q, log %q; want %q, the full pass and its log", f.RunID, f.Step, f.Log, r.manifest.RunID)
	}
	if m := r.manifest; m.Failure == nil || m.Failure.ExitCode != 5 || m.Interrupted != "" || len(m.Passes) != 1 {
		t.Errorf("manifest: failure %+v, interrupted %q, %d passes; want exit code 5 and the full pass alone", m.Failure,
			m.Interrupted, len(m.Passes))
	}
	if info, err := os.Stat(filepath.Join(r.dir, "replay.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("replay.sh: %v; want a script that can be run", err)
	}
	r.checkRecords(t)
}

// checkRecords: every request was sent, and so has a record, some with an error.
func (r *faultedRun) checkRecords(t *testing.T) {
	t.Helper()
	seen, finished := map[int]bool{}, 0
	for _, rec := range r.records {
		seen[rec.Index] = true
		if rec.ErrorClass == "" {
			finished++
		}
	}
	if len(r.records) != prompts || len(seen) != prompts || finished == prompts {
		t.Errorf("%d records of %d requests, %d finished; want one for each of the %d, and not all finished", len(r.records), len(seen),
			finished, prompts)
	}
	s := r.summary
	want := requestCounts{Planned: prompts, Successful: finished, Failed: prompts - finished}
	if got := s.Requests.Full; got == nil || *got != want {
		t.Errorf("requests of the full pass: %+v, want %+v", got, want)
	}
	if s.Verdict != "invalid" || !s.Partial || !s.blames("failure") || s.GenerationLatency != nil {
		t.Errorf("verdict %q, partial %t, reasons %+v, generation_latency_s %v; want an invalid, partial summary of a failed run, "+
			"without what needs both passes", s.Verdict, s.Partial, s.Reasons, s.GenerationLatency)
	}
}

// checkKept holds the journal after a fault against what it was before: nothing may be lost, and only whole outputs count as
// finished.
func checkKept(t *testing.T, before, after []byte) []record {
	t.Helper()
	if !bytes.HasPrefix(after, before) {
		t.Errorf("the %d bytes of records before the fault are not the first of the %d after it", len(before), len(after))
	}
	var records []record
	for line := range bytes.Lines(after) {
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil {
			t.Fatalf("record %d: %v", len(records)+1, err)
		}
		if rec.ErrorClass == "" && (rec.FinishReason != "length" || value(t, "completion_tokens", rec.CompletionTokens) != faultOutput) {
			t.Errorf("request %s: finished by %q after %d tokens, want %d", rec.RequestID, rec.FinishReason, *rec.CompletionTokens,
				faultOutput)
		}
		records = append(records, rec)
	}
	if len(records) == 0 || records[0].ErrorClass != "" {
		t.Errorf("%d records; want at least one, and the first of a request that finished", len(records))
	}
	return records
}

// blames tells whether a rule is among the reasons of the verdict.
func (s *summary) blames(rule string) bool {
	return slices.ContainsFunc(s.Reasons, func(r reason) bool { return r.Rule == rule })
}
