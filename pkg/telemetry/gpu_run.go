package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// errNoAnswer is why a tool that hangs is not run again.
var errNoAnswer = errors.New("no answer")

// gpuKillGrace is how long a tool may take to end once it was killed. One that waits for its driver cannot be killed, and is
// left to itself.
const gpuKillGrace = 250 * time.Millisecond

// run runs the tool once and returns what it printed, also when it failed. It returns at the latest gpuKillGrace after ctx or
// the timeout ends.
func (t *GPUTool) run(ctx context.Context, args []string) (answer string, err error) {
	if t.hangs != nil {
		return "", t.hangs
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("%w within %v", errNoAnswer, t.timeout))
	defer cancel()
	var stdout, stderr cappedBuffer
	cmd := exec.CommandContext(ctx, t.path, args...)
	// An empty environment is not the same as nil, which stands for our own.
	cmd.Env = append([]string{}, t.env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A group of its own, so that what a wrapper script has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = gpuKillGrace / 2
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(gpuKillGrace):
			t.hangs = fmt.Errorf("%w, and it cannot be killed", errNoAnswer)
			return "", t.hangs
		}
	}
	if err == nil {
		return stdout.String(), nil
	}
	return t.judge(ctx, stdout.String()+stderr.String(), err)
}

// judge turns how a run of the tool failed into an error that says why.
func (t *GPUTool) judge(ctx context.Context, output string, err error) (string, error) {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		if errors.Is(cause, errNoAnswer) {
			t.hangs = cause
		}
		return output, cause
	}
	if first, _, _ := strings.Cut(strings.TrimSpace(output), "\n"); first != "" {
		return output, fmt.Errorf("%w: %s", err, short(first))
	}
	return output, err
}

// cappedBuffer keeps the beginning of what is written to it.
type cappedBuffer struct{ bytes.Buffer }

// maxGPUAnswer is far more than a tool has to say of any machine.
const maxGPUAnswer = 1 << 20

func (b *cappedBuffer) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxGPUAnswer-b.Len())])
	return len(p), nil
}
