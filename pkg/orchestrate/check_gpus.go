package orchestrate

import (
	"context"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// gpuLook is what a vendor's tool told of the GPUs before anything was started. It has found out which fields the tool knows, and
// whether it answers at all.
type gpuLook struct {
	// tool is nil where there is none.
	tool *telemetry.GPUTool
	gpus []report.GPUState
	err  error
}

const (
	// gpuSettle is how long the memory of processes that were just ended may take to come back.
	gpuSettle = 10 * time.Second
	// gpuPoll is the time between two looks while the GPUs are waited for, gpuQuiet how long that is done without a word.
	gpuPoll  = 500 * time.Millisecond
	gpuQuiet = 2 * time.Second
)

// lookAtGPUs begins to look at the GPUs, as a tool may take seconds, by the tool of an environment. GPUs in use are looked at again
// for as long as settle. The channel carries one value.
func lookAtGPUs(ctx context.Context, env []string, settle time.Duration) <-chan gpuLook {
	found := make(chan gpuLook, 1)
	tool := telemetry.FindGPUTool(env)
	if tool == nil {
		found <- gpuLook{}
		return found
	}
	go func() {
		for startedAt := time.Now(); ; {
			list, err := tool.State(ctx)
			look := gpuLook{tool, gpuStates(list), err}
			if err != nil || len(look.inUse()) == 0 || time.Since(startedAt) >= settle || !pause(ctx, gpuPoll) {
				found <- look
				return
			}
		}
	}()
	return found
}

// awaitGPUs waits for the look at the GPUs, and says so when that takes a while.
func (c *checker) awaitGPUs(found <-chan gpuLook) gpuLook {
	select {
	case look := <-found:
		return look
	case <-time.After(gpuQuiet):
	}
	if c.o.Observe != nil {
		c.o.Observe(Note{Text: "check: waiting for what is told of the GPUs …"})
	}
	return <-found
}

func (l gpuLook) inUse() []report.GPUState {
	var list []report.GPUState
	for _, g := range l.gpus {
		if g.InUse() {
			list = append(list, g)
		}
	}
	return list
}

// gpus tells of GPUs that somebody uses already. Only the server knows how much of which it will take.
func (c *checker) gpus(look gpuLook) {
	c.found.gpus = look
	if look.err != nil {
		c.warn(checkGPUs, "the state of the GPUs is not known: "+look.err.Error(), "run "+look.tool.Name()+" by hand; without it "+
			"nobody tells whether they are in use, set up otherwise or slowed down")
		return
	}
	for _, g := range look.inUse() {
		c.warn(checkGPUs, g.Title()+" is in use before anything is started: "+g.Usage(), look.tool.Name()+" lists the processes: end "+
			"them, or keep the server to other GPUs; if it shares this one, the run is suspect")
	}
}
