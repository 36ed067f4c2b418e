package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
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
}

// pass starts a server, measures one pass on it and stops it. The server is gone when it returns, on every way out.
func (r *run) pass(ctx context.Context, plan passPlan) (err error) {
	p := &pass{run: r, passPlan: plan, dir: filepath.Join(r.dir, plan.name)}
	p.served = fmt.Sprintf("%s@%s-%s", filepath.Base(r.cfg.Server.Model), r.manifest.RunID, plan.name)
	r.manifest.Passes = append(r.manifest.Passes, report.Pass{Name: plan.name, MaxTokens: plan.maxTokens,
		Requests: len(r.inputs.Prompts.Prompts)})
	p.info = &r.manifest.Passes[len(r.manifest.Passes)-1]

	startedAt := time.Now()
	if err := p.launch(); err != nil {
		return err
	}
	defer func() { err = p.shutdown(err) }()
	if err := r.save(); err != nil {
		return fail(ExitInternal, "run directory", err, "")
	}
	if err := p.awaitReady(ctx, startedAt); err != nil {
		return err
	}
	ctx, release := p.watch(ctx)
	defer release()
	if err := p.warmup(ctx); err != nil {
		return err
	}
	return p.measure(ctx)
}

// launch starts the server's process.
func (p *pass) launch() error {
	step := p.name + ": start"
	port, err := p.port()
	if err != nil {
		return err
	}
	if err := p.connect(port); err != nil {
		return fail(ExitInternal, step, err, "")
	}
	launch := launchFor(p.cfg, p.o, p.served, port)
	rec := server.LaunchRecord{Argv: launch.Argv(), Env: serverEnviron(p.cfg, p.o)}
	p.info.Launch = report.Launch{Argv: server.MaskArgv(rec.Argv), Env: server.Mask(rec.Env), Port: port,
		ServedModel: p.served}
	p.compareLaunch(rec)
	p.proc, err = server.Start(server.Options{Argv: rec.Argv, Env: rec.Env, Host: p.cfg.Server.Host, Port: port,
		LogPath: p.logPath(), StopTimeout: p.cfg.Server.StopTimeout})
	if err != nil {
		return fail(ExitServer, step, err, "check server.command in the recipe")
	}
	p.info.Launch.PID = p.proc.PID()
	return nil
}

// port is the recipe's, if nobody else has it, or a free one.
func (p *pass) port() (port int, err error) {
	host := p.cfg.Server.Host
	if port = p.cfg.Server.Port; port == 0 {
		port, err = server.FreePort(host)
	} else {
		err = server.CheckPort(host, port)
	}
	var used *server.PortInUseError
	switch {
	case err == nil:
		return port, nil
	case errors.As(err, &used):
		return 0, fail(ExitBusy, p.name+": start", err, "stop what listens there, or set server.port to auto")
	}
	return 0, fail(ExitRecipe, p.name+": start", err, "set server.host to an address of this machine")
}

// connect makes the clients for the server that will listen on port.
func (p *pass) connect(port int) (err error) {
	base, key := baseURL(p.cfg.Server.Host, port), apiKey(p.cfg, p.o)
	if p.control, err = client.NewControl(base, client.ControlOptions{APIKey: key}); err != nil {
		return err
	}
	p.load, err = client.New(client.Options{BaseURL: base,
		Connections: connections(p.cfg, len(p.inputs.Prompts.Prompts)), APIKey: key})
	return err
}

// compareLaunch notes how this launch differs from the first one, other than by port and served name.
func (p *pass) compareLaunch(rec server.LaunchRecord) {
	if p.run.first == nil {
		p.run.first = &rec
		return
	}
	p.manifest.LaunchDifferences = append(p.manifest.LaunchDifferences, server.Diff(*p.run.first, rec)...)
}

// awaitReady waits until the server answers a real completion, telling how far it has come.
func (p *pass) awaitReady(ctx context.Context, startedAt time.Time) error {
	stop := every(func() {
		p.o.Observe(ServerPhase{Pass: p.name, Phase: p.proc.Phase().String(), Elapsed: time.Since(startedAt),
			Timeout: p.cfg.Server.ReadyTimeout})
	})
	err := p.proc.AwaitReady(ctx, p.cfg.Server.ReadyTimeout, p.ready)
	stop()
	if err != nil {
		p.noteExit("start")
		return fail(ExitServer, p.name+": start", err, "the whole log is in "+p.logPath())
	}
	p.info.Phases.Start = time.Since(startedAt).Seconds()
	p.o.Observe(StepDone{Pass: p.name, Step: "start", Took: time.Since(startedAt),
		Detail: "vLLM " + p.info.Server.Version + " is ready"})
	return p.checkModelLimit()
}

// ready is one probe of readiness: healthy, serving our model under our name, and able to complete a prompt.
func (p *pass) ready(ctx context.Context) error {
	if err := p.control.Health(ctx); err != nil {
		return err
	}
	models, err := p.control.Models(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, m := range models {
		if m.ID == p.served {
			found = true
			p.info.Server.Root, p.info.Server.MaxModelLen = m.Root, m.MaxModelLen
		}
	}
	if !found {
		return fmt.Errorf("the server on port %d does not serve %s: it is not ours", p.info.Launch.Port, p.served)
	}
	if p.info.Server.Version, err = p.control.Version(ctx); err != nil {
		return err
	}
	probe := p.unmeasured("-probe-", p.inputs.Probe.Prompts, 1)
	if res := p.load.Complete(ctx, &probe[0], nil); res.ErrorClass != "" {
		return fmt.Errorf("completing a prompt: %s: %s", res.ErrorClass, res.Error)
	}
	return nil
}

// probes is how many completions a server has finished when it is found ready.
const probes = 1

// checkModelLimit checks the prompts once more against what the server itself says.
func (p *pass) checkModelLimit() error {
	n := p.info.Server.MaxModelLen
	if n == 0 || n == p.inputs.MaxModelLen {
		return nil
	}
	if err := p.inputs.Prompts.Check(limits(p.cfg, p.inputs.Model, n)); err != nil {
		return fail(ExitDataset, "data set", fmt.Errorf("the server's max_model_len is %d: %w", n, err), "")
	}
	return nil
}

// unmeasured encodes requests that are not part of the data set; nothing may end them early.
func (p *pass) unmeasured(kind string, prompts []dataset.Prompt, maxTokens int) []client.Request {
	in := *p.inputs
	in.IgnoreEOS, in.StopIDs = true, nil
	return requests(&in, p.served, p.manifest.RunID+"-"+p.name+kind, prompts, maxTokens)
}

// watch returns a context that is cancelled, with the cause, the moment the server's process ends.
func (p *pass) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-p.proc.Exited():
			cancel(p.proc.Err())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

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
		return p.failed("warm-up", err)
	}
	for _, rec := range res.Records {
		if !rec.OK() {
			return fail(ExitServer, p.name+": warm-up", fmt.Errorf("request %s: %s: %s", rec.RequestID, rec.ErrorClass,
				rec.Error), "the server became ready but cannot complete a prompt of the run's length; its log tells why")
		}
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
	journal, err := os.Create(filepath.Join(p.dir, report.RecordsFile))
	if err != nil {
		return fail(ExitInternal, p.name+": records", err, "")
	}
	defer journal.Close()
	before := p.snapshot(ctx, report.MetricsBeforeFile, probes+p.info.Warmup.Requests-p.info.Warmup.Failed)
	if err := p.load.Open(ctx, connections(p.cfg, len(reqs))); err != nil {
		return p.failed("connections", err)
	}
	var progress bench.Progress
	o := benchOptions(p.cfg, p.inputs, reqs)
	o.Sink, o.Progress, o.Send = journal, &progress, p.load.Complete

	startedAt := time.Now()
	stop := every(p.progressTeller(&progress, int64(len(reqs)), startedAt))
	res, err := bench.Run(ctx, o)
	stop()
	p.records[p.name] = res.Records
	p.info.Phases.Pass = res.Elapsed.Seconds()
	if err == nil {
		err = journal.Close()
	}
	if err != nil {
		return p.failed("pass", err)
	}
	p.o.Observe(StepDone{Pass: p.name, Step: "pass", Took: res.Elapsed, Detail: passDetail(&progress)})
	if progress.Failed.Load() > 0 {
		if err := p.stillAlive(ctx); err != nil {
			return p.failed("pass", err)
		}
	}
	p.snapshot(ctx, report.MetricsAfterFile, before+int(progress.Done.Load()-progress.Failed.Load()))
	return nil
}

// deathTimeout is how long a server whose engine died may take to end: vLLM answers all open requests at once and looks
// only every 5 s whether its engine lives.
const deathTimeout = 15 * time.Second

// stillAlive tells whether requests failed because the server died: all may have ended, with errors, before its process
// did. A server that is healthy after a failed request goes on to be used.
func (p *pass) stillAlive(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	healthErr := p.control.Health(ctx)
	if healthErr == nil {
		return nil
	}
	select {
	case <-p.proc.Exited():
		return p.proc.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(deathTimeout):
		return fail(ExitServer, p.name+": pass", fmt.Errorf("requests failed, and the server is not healthy: %w", healthErr),
			"its log tells why: "+p.logPath())
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

// failed makes the error of a step that ended early: the server's end if that is the cause, else what err says.
func (p *pass) failed(step string, err error) error {
	var ended *server.ExitError
	if errors.As(err, &ended) {
		p.noteExit(step)
		return fail(ExitServer, p.name+": "+step, err, "the whole log is in "+p.logPath())
	}
	if errors.Is(err, bench.ErrStalled) {
		return fail(ExitServer, p.name+": "+step, err, "the server hangs; load.stall_timeout sets how long that is waited for")
	}
	return fail(ExitInternal, p.name+": "+step, err, "")
}

func (p *pass) logPath() string { return filepath.Join(p.dir, report.ServerLogFile) }

// noteExit keeps the end of a server that nobody asked for.
func (p *pass) noteExit(phase string) {
	if exit := p.proc.Exit(); exit != nil {
		p.info.ServerExit = &report.ServerExit{Phase: phase, Status: exit.Status, Signal: exit.Signal}
	}
}

// shutdown stops the server, keeps how long it took, and returns err, or what went wrong with the stop.
func (p *pass) shutdown(err error) error {
	p.load.Close()
	p.o.Observe(StepStarted{Pass: p.name, Step: "stop"})
	startedAt := time.Now()
	// A server that ended before it was asked to is a failure also when every request had come back by then.
	if died := p.proc.Err(); died != nil && err == nil {
		err = p.failed("pass", died)
	}
	_, stopErr := p.proc.Stop(p.o.Hard)
	took := time.Since(startedAt)
	p.info.Phases.Stop = took.Seconds()
	p.info.Complete = err == nil && stopErr == nil
	p.o.Observe(StepDone{Pass: p.name, Step: "stop", Took: took})
	if err != nil {
		return err
	}
	if stopErr != nil {
		return fail(ExitServer, p.name+": stop", stopErr, "")
	}
	if err := p.save(); err != nil {
		return fail(ExitInternal, "run directory", err, "")
	}
	return nil
}
