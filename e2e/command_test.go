//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// runTimeout ends a program that hangs, with time left for it to stop its server.
const (
	runTimeout = 12 * time.Minute
	killAfter  = 2 * time.Minute
)

// program is the built binary, and the Python that its servers run on.
type program struct {
	binary, python string
	// cpu is the number of a processor that servers may be kept to.
	cpu string
	// mark is a variable (NAME=value) that the program and everything it starts inherit: it tells our processes from others,
	// also those that change their title or their session.
	mark string
}

// outcome is how one run of the program ended.
type outcome struct {
	code           int
	stdout, stderr []byte
	took           time.Duration
}

func newProgram(t *testing.T) *program {
	t.Helper()
	return newProgramOn(t, "SQZB_E2E_PYTHON")
}

// newProgramOn is newProgram for the Python that a variable holds.
func newProgramOn(t *testing.T, variable string) *program {
	t.Helper()
	mark := "SQZB_E2E_MARK=" + t.Name() + "-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	return &program{
		binary: executable(t, "SQZB_E2E_BINARY", "the built program; `make build` makes it"),
		python: executable(t, variable, "a Python that has vLLM; e2e/install-vllm.sh prints its path"),
		cpu:    firstCPU(t),
		mark:   mark,
	}
}

// executable is the absolute path that the variable name holds; without one the test cannot mean anything, so it fails.
func executable(t *testing.T, name, what string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Fatalf("%s is not set; it must be the absolute path of %s (or run `make e2e`)", name, what)
	}
	if !filepath.IsAbs(path) {
		t.Fatalf("%s is %q; it must be the absolute path of %s", name, path, what)
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Fatalf("%s: %v; it must be %s", name, err, what)
	}
	return path
}

// run runs the program to its end. What it says on stderr is shown as it comes, since a server takes its time to start.
func (p *program) run(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Env = p.environ()
	cmd.Stdout, cmd.Stderr = &stdout, io.MultiWriter(&stderr, os.Stderr)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	t.Logf("%s %q", p.binary, args)

	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %q: %v", args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%q was not done after %v", args, runTimeout)
	}
	checkCrash(t, args, stderr.Bytes())
	return outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.Bytes(), stderr: stderr.Bytes(), took: took}
}

// firstCPU is the first processor that we may use.
func firstCPU(t *testing.T) string {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !set.IsSet(cpu) {
		cpu++
	}
	return strconv.Itoa(cpu)
}

// environ is the program's environment; the recipes take their Python and its processor from it.
func (p *program) environ() []string {
	return append(os.Environ(), p.mark, "SQZB_E2E_PYTHON="+p.python, "SQZB_E2E_CPU="+p.cpu)
}

// checkCrash looks for a crash of the program itself in what it said.
func checkCrash(t *testing.T, args []string, stderr []byte) {
	t.Helper()
	for _, crash := range []string{"panic:", "goroutine "} {
		if bytes.Contains(stderr, []byte(crash)) {
			t.Errorf("%q: stderr holds a crash (%q)", args, crash)
		}
	}
}

// leftovers are the processes that p started, directly or not, and that still run.
func (p *program) leftovers(t *testing.T) []string {
	t.Helper()
	return inheritors(t, p.mark)
}
