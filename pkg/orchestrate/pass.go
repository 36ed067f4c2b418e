package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

type passPlan struct {
	name      string
	maxTokens int
}

// passPlans are the two passes of the method, in order.
func passPlans(cfg *config.Config) []passPlan {
	return []passPlan{
		{name: report.PassFull, maxTokens: cfg.Load.MaxOutputLen},
		{name: report.PassSummarization, maxTokens: 1},
	}
}

// pass is the state of one pass: a server launch and what is sent to it.
type pass struct {
	*run
	passPlan
	dir     string
	served  string
	info    *report.Pass // in the manifest
	proc    *server.Process
	control *client.Control
	load    *client.Client
	// oomKills is what server.OOMKills said before the launch.
	oomKills int
	// up tells that the server that was launched last was ready, and that it was ours that listened.
	up bool
	// abandon ends the wait for readiness for good.
	abandon context.CancelCauseFunc
	// traceIDs are those of the measured requests, where they are traced.
	traceIDs []string
}

// retryAfter are the waits before a start is tried again, where that helps.
var retryAfter = [...]time.Duration{5 * time.Second, 15 * time.Second}

// pass measures one pass on a server of its own, which is gone when it returns, on every way out. A start that failed for a
// reason that passes by itself (memory of a process that has just ended), or at a port that the next start does not take, is tried
// again.
func (r *run) pass(ctx context.Context, plan passPlan) error {
	p := &pass{run: r, passPlan: plan, dir: filepath.Join(r.dir, plan.name)}
	p.served = fmt.Sprintf("%s@%s-%s", filepath.Base(r.cfg.Server.Model), r.manifest.RunID, plan.name)
	r.manifest.Passes = append(r.manifest.Passes, report.Pass{Name: plan.name, MaxTokens: plan.maxTokens,
		Requests: len(r.inputs.Prompts.Prompts), PromptsSHA256: r.inputs.Prompts.Hash()})
	p.info = &r.manifest.Passes[len(r.manifest.Passes)-1]
	for attempt := 0; ; attempt++ {
		err := p.attempt(ctx)
		var failed *ServerFailure
		if errors.As(err, &failed) && p.refusedTimings(failed) {
			p.forget()
			attempt--
			continue
		}
		reason := p.anotherMayDo(err)
		switch {
		case reason != "" && attempt < len(retryAfter):
		case failed != nil:
			return errors.Join(err, p.writePostmortem(failed))
		default:
			return err
		}
		p.o.Observe(Note{Text: fmt.Sprintf("%s: %s; trying again in %v (%d of %d)", p.name, reason, retryAfter[attempt], attempt+1,
			len(retryAfter))})
		if !pause(ctx, retryAfter[attempt]) {
			return fail(ExitInternal, p.name+": start", context.Cause(ctx), "")
		}
		p.info.Retries++
		p.forget()
	}
}

// anotherMayDo is why a start failed, if another one may do better, and empty if not: the reason passes by itself, or somebody
// has the port that was free when it was drawn, and the next start takes another. Who is younger than the server's command may be
// the server itself, in a container of which nobody told us.
func (p *pass) anotherMayDo(err error) string {
	var failed *ServerFailure
	var stranger *server.StrangerError
	switch {
	case errors.As(err, &failed) && failed.Failure.Retry:
		return failed.Failure.Line
	case p.takesAnotherPort() && errors.As(err, &stranger) && stranger.Earlier:
		return stranger.Error()
	}
	return ""
}

// takesAnotherPort tells whether the port may have been the reason that the server did not come up, and will be another one next time.
func (p *pass) takesAnotherPort() bool { return p.cfg.Server.Port == 0 && !p.up }

// forget clears what a start that is tried again has left in the manifest.
func (p *pass) forget() {
	p.info.ServerExit, p.info.Stop, p.info.Phases, p.info.Warmup = nil, nil, report.Phases{}, report.Warmup{}
}

// attempt launches the server once, measures, and stops it.
func (p *pass) attempt(ctx context.Context) (err error) {
	startedAt := time.Now()
	p.up = false
	p.oomKills = server.OOMKills()
	if err := p.launch(); err != nil {
		return p.explain(ctx, err)
	}
	defer func() { err = p.shutdown(ctx, err) }()
	if err := p.save(); err != nil {
		return fail(ExitInternal, "run directory", err, "")
	}
	if err := p.awaitReady(ctx, startedAt); err != nil {
		return err
	}
	if err := p.ours(ctx, "start"); err != nil {
		return err
	}
	p.up = true
	watched, release := p.watch(ctx)
	defer release()
	if err := p.warmup(watched); err != nil {
		return err
	}
	return p.measure(watched)
}

// watch returns a context that is cancelled, with the cause, the moment the server's process ends, or a part of it without
// which it cannot do its work.
func (p *pass) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-p.proc.Exited():
			cancel(p.proc.Err())
		case <-p.proc.Lost():
			cancel(p.proc.Err())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

func (p *pass) logPath() string { return filepath.Join(p.dir, report.ServerLogFile) }

// shutdown explains err while the server's traces are fresh, stops it, keeps how long that took, and returns err, or what
// went wrong with the stop.
func (p *pass) shutdown(ctx context.Context, err error) error {
	p.load.Close()
	// A server that ended before it was asked to is a failure also when every request had come back by then.
	if died := p.proc.Err(); died != nil && err == nil {
		err = at("pass", died)
	}
	err = p.explain(ctx, err)
	stopErr := p.stop(ctx, err)
	if spanErr := p.keepSpans(); spanErr != nil {
		p.o.Observe(Note{Text: "storing the traces: " + spanErr.Error()})
	}
	p.info.Complete = err == nil && stopErr == nil
	if err != nil {
		if stopErr != nil {
			p.o.Observe(Note{Text: p.name + ": " + stopErr.Error()})
		}
		return err
	}
	if stopErr != nil {
		return p.explain(ctx, at("stop", stopErr))
	}
	if err := p.save(); err != nil {
		return fail(ExitInternal, "run directory", err, "")
	}
	return nil
}
