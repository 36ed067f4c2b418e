package selftest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/metronome"
)

const (
	// startPatience is how long a metronome may take to be ready, stopPatience how long to write its truth.
	startPatience = 30 * time.Second
	stopPatience  = time.Minute
)

// MetronomeError says that the metronome could not be started, or ended when it should not.
type MetronomeError struct {
	Err error
	// Log is the end of what it said.
	Log string
}

// Error has the cause and what the metronome said last.
func (e *MetronomeError) Error() string {
	if e.Log == "" {
		return fmt.Sprintf("metronome: %v", e.Err)
	}
	return fmt.Sprintf("metronome: %v; it said: %s", e.Err, e.Log)
}

// Unwrap returns the cause.
func (e *MetronomeError) Unwrap() error { return e.Err }

// child is a metronome in a process of its own.
type child struct {
	cmd   *exec.Cmd
	url   string
	truth string
	log   *childLog
	// ended is closed when the process is gone; err is why, and may be read then.
	ended chan struct{}
	err   error
}

// start starts a metronome, which leaves its truth in dir, and waits until it is ready.
func (s *session) start(ctx context.Context, dir string) (*child, error) {
	c := &child{truth: filepath.Join(dir, truthFile), log: newChildLog(), ended: make(chan struct{})}
	c.cmd = exec.Command(s.Self, "simulator", "--model", modelName, "--host", "127.0.0.1", "--port", "0",
		"--sim-metronome", s.Interval.String(), "--sim-metronome-ttft", timeToFirst.String(), "--sim-metronome-truth", c.truth)
	c.cmd.Stderr = c.log
	c.cmd.SysProcAttr = apart()
	c.cmd.WaitDelay = time.Second // nobody else has its stderr
	if err := c.launch(s.result.ServerCPUs); err != nil {
		return nil, &MetronomeError{Err: fmt.Errorf("starting it: %w", err)}
	}
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	var err error
	select {
	case c.url = <-c.log.address:
		return c, nil
	case <-c.ended:
		err = c.failure()
	case <-patience.C:
		err = &MetronomeError{Err: fmt.Errorf("it was not ready within %v", startPatience), Log: c.log.end()}
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.kill()
	return nil, err
}

// launch starts the process from a thread that is there until it ends, and that is where the child is to be: it inherits the
// thread's processors, and the kernel takes the thread's end for ours.
func (c *child) launch(cpus []int) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread goes with this goroutine
		err := pinThread(cpus)
		if err == nil {
			err = c.cmd.Start()
		}
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			close(c.ended)
		}
	}()
	return <-started
}

// until is a context that ends when the metronome does, with that as its cause.
func (c *child) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-c.ended:
			cancel(c.failure())
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watching.Wait()
	}
}

// failure is an end that was not asked for.
func (c *child) failure() error {
	err := c.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	return &MetronomeError{Err: fmt.Errorf("it ended: %w", err), Log: c.log.end()}
}

// stop ends the metronome and returns what it wrote down.
func (c *child) stop(ctx context.Context) ([]*metronome.Request, error) {
	// One that is gone by now has been so before it was asked to.
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-c.ended
		return nil, c.failure()
	}
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-c.ended:
	case <-patience.C:
		return nil, &MetronomeError{Err: fmt.Errorf("it did not end within %v", stopPatience), Log: c.log.end()}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.err != nil {
		return nil, c.failure()
	}
	file, err := os.Open(c.truth)
	if err != nil {
		return nil, fmt.Errorf("reading the truth: %w", err)
	}
	defer file.Close()
	return metronome.ReadTruth(file)
}

// kill ends the process if it is still there, and returns when it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// cpu is the processor time of a process that has ended.
func (c *child) cpu() time.Duration {
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}
