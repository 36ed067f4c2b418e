package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// stop stops the server and keeps how that went. cause is why the pass ended early, nil if it did not. The end of ctx is none of the
// stop, but nothing is waited for then that others hold.
func (p *pass) stop(ctx context.Context, cause error) error {
	p.o.Observe(StepStarted{Pass: p.name, Step: "stop"})
	stopCtx, cancel := p.stopContext(cause)
	defer cancel()
	startedAt := time.Now()
	stopped, err := p.proc.Stop(stopCtx)
	p.info.Stop = stopInfo(stopped)
	if err == nil {
		p.gpuMemoryBack(ctx)
	}
	took := time.Since(startedAt)
	p.info.Phases.Stop = took.Seconds()
	if stopped.CommandErr != nil {
		p.o.Observe(Note{Text: p.name + ": server.stop_command: " + stopped.CommandErr.Error()})
	}
	p.o.Observe(StepDone{Pass: p.name, Step: "stop", Took: took, Detail: stopDetail(stopped)})
	return err
}

// gpuMemoryBack waits for the memory that the server had of the GPUs, for the next server, and whoever comes after this run.
func (p *pass) gpuMemoryBack(ctx context.Context) {
	if p.gpus == nil {
		return
	}
	startedAt := time.Now()
	held, known := p.gpus.awaitMemory(ctx, func(held string) {
		p.o.Observe(Note{Text: p.name + ": waiting for the GPUs' memory to come back: " + held})
	})
	if !known {
		return
	}
	p.info.Stop.GPUMemory, p.info.Stop.GPUMemoryHeld = time.Since(startedAt).Seconds(), held
	if len(held) > 0 {
		p.o.Observe(Note{Text: fmt.Sprintf("%s: not all of the GPUs' memory came back within %v of the server's end: %s; somebody else may "+
			"have come to use them", p.name, p.gpus.patience, strings.Join(held, ", "))})
	}
}

// stopContext ends when the server is to be killed, and has the deadline by which it must be gone if a batch system set one.
func (p *pass) stopContext(cause error) (context.Context, context.CancelFunc) {
	var sig SignalError
	if errors.As(cause, &sig) && !sig.Deadline.IsZero() {
		left := time.Until(sig.Deadline)
		return context.WithTimeout(p.o.Hard, left-min(left/4, reportTime))
	}
	return context.WithCancel(p.o.Hard)
}

// reportTime is kept from a batch system's grace for what comes after the stop.
const reportTime = time.Second

func stopInfo(s server.Stopped) *report.Stop {
	info := &report.Stop{Leader: s.Leader.Seconds(), Tree: s.Tree.Seconds(), Port: s.Port.Seconds(),
		Command: s.Command.Seconds(), Escalated: s.Escalated}
	if s.CommandErr != nil {
		info.CommandError = s.CommandErr.Error()
	}
	for _, proc := range s.Killed {
		info.Killed = append(info.Killed, proc.String())
	}
	return info
}

// stopDetail says what a stop had to resort to; empty when the server ended in order.
func stopDetail(s server.Stopped) string {
	switch {
	case s.Escalated:
		return fmt.Sprintf("the server did not end when asked and was killed, %d processes in all", len(s.Killed))
	case len(s.Killed) > 0:
		return fmt.Sprintf("%d processes that the server left behind were killed, the first: %v", len(s.Killed), s.Killed[0])
	}
	return ""
}
