package orchestrate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// warmup sends prompts that share nothing with the data set, all at once, so that lazily compiled kernels and first
// allocations are not measured.
func (p *pass) warmup(ctx context.Context) error {
	prompts := p.inputs.Warmup.Prompts
	if len(prompts) == 0 {
		return nil
	}
	p.o.Observe(StepStarted{Pass: p.name, Step: "warm-up"})
	startedAt := time.Now()
	o := warmupBench(p.cfg, p.unmeasured("-warmup-", prompts, min(warmupOutputTokens, p.cfg.Load.MaxOutputLen)))
	o.Send = p.load.Complete
	res, err := bench.Run(ctx, o)
	took := time.Since(startedAt)
	p.info.Phases.Warmup = took.Seconds()
	p.countWarmup(res.Records)
	if err != nil {
		return at("warm-up", err)
	}
	for _, rec := range res.Records {
		if rec.OK() {
			continue
		}
		if err := p.stillAlive(ctx); err != nil {
			return at("warm-up", err)
		}
		return at("warm-up", &sickServer{fmt.Errorf("the server is ready but cannot complete a prompt of the run's length: "+
			"request %s: %s: %s", rec.RequestID, rec.ErrorClass, rec.Error)})
	}
	p.o.Observe(StepDone{Pass: p.name, Step: "warm-up", Took: took, Detail: fmt.Sprintf("%d requests", len(prompts))})
	return nil
}

func (p *pass) countWarmup(records []bench.Record) {
	w := &p.info.Warmup
	for _, rec := range records {
		w.Requests++
		if !rec.OK() {
			w.Failed++
			continue
		}
		w.PromptTokens += *rec.PromptTokens
		w.CompletionTokens += *rec.CompletionTokens
	}
}

// measure sends the data set and keeps one record per request.
func (p *pass) measure(ctx context.Context) error {
	reqs := requests(p.inputs, p.served, p.manifest.RunID+"-"+p.name+"-", p.inputs.Prompts.Prompts, p.maxTokens)
	p.trace(reqs)
	journal, err := os.Create(filepath.Join(p.dir, report.RecordsFile))
	if err != nil {
		return fail(ExitInternal, p.name+": records", err, "")
	}
	defer journal.Close()
	before := p.snapshot(ctx, report.MetricsBeforeFile, probes+p.info.Warmup.Requests-p.info.Warmup.Failed)
	p.takeCensus()
	if err := p.load.Open(ctx, connections(p.cfg, len(reqs))); err != nil {
		return at("connections", err)
	}
	var progress bench.Progress
	o := benchOptions(p.cfg, p.inputs, reqs)
	o.Sink, o.Progress, o.Send = journal, &progress, p.load.Complete

	startedAt := time.Now()
	stop := every(p.progressTeller(&progress, int64(len(reqs)), startedAt))
	stopSampling := p.startSampling(ctx)
	stopAudit := p.startAudit()
	res, err := bench.Run(ctx, o)
	stopAudit()
	stopSampling()
	stop()
	p.records[p.name] = res.Records
	p.info.Phases.Pass = res.Elapsed.Seconds()
	if err == nil {
		err = journal.Close()
	}
	if err != nil {
		return at("pass", err)
	}
	p.o.Observe(StepDone{Pass: p.name, Step: "pass", Took: res.Elapsed, Detail: passDetail(&progress)})
	if progress.Failed.Load() > 0 {
		if err := p.stillAlive(ctx); err != nil {
			return at("pass", err)
		}
	}
	p.awaitSpans(ctx, reqs)
	if err := p.ours(ctx, "pass"); err != nil {
		return err
	}
	p.snapshot(ctx, report.MetricsAfterFile, before+int(progress.Done.Load()-progress.Failed.Load()))
	return nil
}

// deathTimeout is how long a server whose engine died may take to end: vLLM answers all open requests at once and looks
// only every 5 s whether its engine lives.
const deathTimeout = 15 * time.Second

// deathNotice is how long it may take until the end of a process is noticed: one that is about to end may still say that it is
// healthy.
const deathNotice = time.Second

// stillAlive tells whether requests failed because the server died: all may have ended, with errors, before its process
// did. A server that is healthy after a failed request goes on to be used.
func (p *pass) stillAlive(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if healthErr := p.control.Health(ctx); healthErr != nil {
		return p.ending(ctx, deathTimeout, &sickServer{fmt.Errorf("requests failed, and the server is not healthy: %w", healthErr)})
	}
	return p.ending(ctx, deathNotice, nil)
}

// ending waits for the end of a server that shows signs of it, and returns that; otherwise if it does not come in time.
func (p *pass) ending(ctx context.Context, limit time.Duration, otherwise error) error {
	select {
	case <-p.proc.Exited():
		return p.proc.Err()
	case <-p.proc.Lost():
		return p.proc.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(limit):
		return otherwise
	}
}

func passDetail(b *bench.Progress) string {
	return fmt.Sprintf("%d requests, %d failed, %d tokens", b.Done.Load(), b.Failed.Load(), b.Tokens.Load())
}

func (p *pass) progressTeller(b *bench.Progress, total int64, startedAt time.Time) func() {
	var meter rateMeter
	return func() {
		elapsed := time.Since(startedAt)
		done := b.Done.Load()
		p.o.Observe(PassProgress{Pass: p.name, Total: total, Done: done, Failed: b.Failed.Load(),
			Running: b.Running.Load(), TokensPerSecond: meter.add(elapsed, b.Tokens.Load()), Elapsed: elapsed,
			ETA: eta(elapsed, done, total)})
	}
}
