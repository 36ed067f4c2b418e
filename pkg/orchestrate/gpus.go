package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// gpuWatch looks at the GPUs beside the passes of a run, by a vendor's tool; nil where there is none. What the tool does not tell,
// and whatever happens to it, is no failure of the run.
type gpuWatch struct {
	tool *telemetry.GPUTool
	// met is closed when the first look is over: until then the tool is busy.
	met chan struct{}
	end context.CancelFunc
	// records are what each pass has stored.
	records map[string]*report.GPURecord
	// told is true once the user was told that the tool fails.
	told bool
}

// watchGPUs looks for a tool on the PATH of the server's environment. A first look, whose answer nobody needs, goes on while the
// server starts: it finds out what the tool knows of, and whether it answers at all.
func watchGPUs(ctx context.Context, env []string) *gpuWatch {
	tool := telemetry.FindGPUTool(env)
	if tool == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &gpuWatch{tool: tool, met: make(chan struct{}), end: cancel, records: map[string]*report.GPURecord{}}
	go func() {
		defer close(w.met)
		_, _ = tool.State(ctx)
	}()
	return w
}

// close ends the first look, should it still go on.
func (w *gpuWatch) close() {
	if w != nil {
		w.end()
		<-w.met
	}
}

// stored are the records of the passes.
func (w *gpuWatch) stored() map[string]*report.GPURecord {
	if w == nil {
		return nil
	}
	return w.records
}

// idle reports whether the first look is over.
func (w *gpuWatch) idle() bool {
	select {
	case <-w.met:
		return true
	default:
		return false
	}
}

// gpuPatience is how long a pass waits for the first look, which began before the server's start.
const gpuPatience = 2 * time.Second

var errGPUBusy = errors.New("its first answer is still to come")

// ready waits until the tool can be asked.
func (w *gpuWatch) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gpuPatience, fmt.Errorf("asking %s: %w", w.tool.Name(), errGPUBusy))
	defer cancel()
	select {
	case <-w.met:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
