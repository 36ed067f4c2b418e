//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// lookEvery is the time between two looks at a run; the journal of its records is written out each second.
	lookEvery = 200 * time.Millisecond
	// startLimit is how long a server may take to start while another one does.
	startLimit = 6 * time.Minute
	// sweepLimit is for what a failed test left behind.
	sweepLimit = 15 * time.Second
)

// slots bounds the jobs at a time: each has 4 GB, and keeps a core busy while it starts.
var slots = make(chan struct{}, 2)

// takeSlot waits for a place, which is given back when the test is over.
func takeSlot(t *testing.T) {
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}

// job is a run of the program under way. Whatever becomes of it, nothing of it is left when the test is over.
type job struct {
	*program
	cmd    *exec.Cmd
	family *family
	// results is the folder of the recipe's results; stderr is the file with what the program said.
	results, stderr string
	// ended is closed when the program has ended, at endedAt.
	ended   chan struct{}
	endedAt time.Time
}

// start starts the program with a recipe of testdata and returns at once. The test may run beside one other.
func (p *program) start(t *testing.T, recipe string) *job {
	t.Helper()
	takeSlot(t)
	out := t.ArtifactDir()
	j := &job{program: p, family: newFamily(p.mark), results: filepath.Join(out, recipe),
		stderr: filepath.Join(out, "stderr.txt"), ended: make(chan struct{})}
	// Files, not pipes: a process that outlives the program must not keep this one waiting for the end of a pipe.
	said, err := os.Create(j.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	j.cmd = exec.Command(p.binary, "-c", filepath.Join("testdata", recipe+".yaml"), "--output", out)
	j.cmd.Env = p.environ()
	j.cmd.Stderr = said
	t.Logf("%q", j.cmd.Args)
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(j.ended)
		// How it ended is in ProcessState.
		_ = j.cmd.Wait()
		j.endedAt = time.Now()
	}()
	t.Cleanup(func() { j.sweep(t) })
	return j
}

// sweep ends what is left of the run, and shows what the program said if the test has failed.
func (j *job) sweep(t *testing.T) {
	j.family.kill(t, sweepLimit)
	select {
	case <-j.ended:
	case <-time.After(sweepLimit):
		t.Errorf("the program runs %v after SIGKILL", sweepLimit)
	}
	if t.Failed() {
		t.Logf("stderr:\n%s\n%s", j.said(t), serverLogs(t, filepath.Dir(j.results)))
	}
}

func (j *job) said(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(j.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// until waits until something has happened in the run. That the program ends before it, or that it takes longer than
// startLimit, ends the test.
func (j *job) until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	timeout := time.After(startLimit)
	for !happened() {
		j.family.look(t)
		select {
		case <-j.ended:
			t.Fatalf("the program ended before %s: %v", what, j.cmd.ProcessState)
		case <-timeout:
			t.Fatalf("%v without %s", startLimit, what)
		case <-tick.C:
		}
	}
	t.Logf("%s after %.1f s", what, time.Since(began).Seconds())
}

// untilLoaded waits until the first requests have finished and the others are in the server.
func (j *job) untilLoaded(t *testing.T) {
	t.Helper()
	j.until(t, "a request has finished", func() bool { return len(j.journal(t)) > 0 })
}

// journal is the whole lines of records.jsonl of the full pass as it stands; empty when there is none.
func (j *job) journal(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(j.results, "latest", "full", "records.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return data[:bytes.LastIndexByte(data, '\n')+1]
}

// launched is the number of the first server's leader, 0 before there is one.
func (j *job) launched(t *testing.T) int {
	t.Helper()
	dir := filepath.Join(j.results, "latest")
	if _, err := os.Stat(dir); err != nil {
		return 0
	}
	if m := readManifest(t, dir); len(m.Passes) > 0 {
		return m.Passes[0].Launch.PID
	}
	return 0
}

// logging tells whether the server has written anything to its log.
func (j *job) logging() bool {
	info, err := os.Stat(filepath.Join(j.results, "latest", "full", "server.log"))
	return err == nil && info.Size() > 0
}

// engine is the process that vLLM calls its engine core. The test ends if there is not exactly one.
func (j *job) engine(t *testing.T) process {
	t.Helper()
	var found []process
	members := j.family.look(t)
	for _, p := range members {
		if strings.HasPrefix(p.title, "VLLM::EngineCore") {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d engine cores among %v, want 1", len(found), members)
	}
	return found[0]
}

// apiServer is the leader of the server, which is the parent of the engine core.
func (j *job) apiServer(t *testing.T) process {
	t.Helper()
	leader, parent := j.launched(t), j.engine(t).parent
	for _, p := range j.family.look(t) {
		if p.pid == leader && p.pid == parent {
			return p
		}
	}
	t.Fatalf("the manifest calls %d the server's leader, and the engine core's parent is %d; want the same, and alive", leader, parent)
	return process{}
}
