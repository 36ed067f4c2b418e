package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
)

// awaitReady waits until the server answers a real completion, telling how far it has come.
func (p *pass) awaitReady(ctx context.Context, startedAt time.Time) error {
	stop := every(func() {
		p.o.Observe(ServerPhase{Pass: p.name, Phase: p.proc.Phase().String(), Elapsed: time.Since(startedAt),
			Timeout: p.cfg.Server.ReadyTimeout})
	})
	ctx, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	p.abandon = abandon
	err := p.proc.AwaitReady(ctx, p.cfg.Server.ReadyTimeout, p.ready)
	stop()
	if err != nil {
		return at("start", err)
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
		// What answers may be somebody else's server beside ours, or in place of it.
		if err := p.strangers(); err != nil && !errors.Is(err, errNobodyListens) {
			p.abandon(err)
			return err
		}
		return fmt.Errorf("the server on port %d does not serve %s: it is not ours", p.info.Launch.Port, p.served)
	}
	if p.info.Server.Version, err = p.control.Version(ctx); err != nil {
		return err
	}
	p.info.Warmup.Probes++
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
