package orchestrate

import (
	"context"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// gpuPass is what is told of the GPUs beside one pass; nil where there is no tool.
type gpuPass struct {
	*gpuWatch
	record report.GPURecord
	// done carries the samples once the sampler has ended; nil when nothing was sampled.
	done chan []report.GPUSample
	stop context.CancelFunc
}

// gpusBefore takes the state of the GPUs right before the measured requests.
func (p *pass) gpusBefore(ctx context.Context) *gpuPass {
	if p.gpus == nil {
		return nil
	}
	g := &gpuPass{gpuWatch: p.gpus, record: report.GPURecord{Schema: report.SchemaVersion, Tool: p.gpus.tool.Name()}}
	g.record.Before = g.state(ctx)
	return g
}

// state asks the tool; nil when it does not tell, and not nil when it tells of no GPU.
func (g *gpuPass) state(ctx context.Context) []report.GPUState {
	list, err := g.tool.State(ctx)
	if err != nil {
		g.failed(ctx, err)
		return nil
	}
	return gpuStates(list)
}

// failed keeps how the tool first failed. That it was ended is no failure.
func (g *gpuPass) failed(ctx context.Context, err error) {
	if g.record.Failure == "" && ctx.Err() == nil {
		g.record.Failure = err.Error()
	}
}

// gpuBusyShare bounds the time during which the tool runs to one part in so many, as it may take seconds on a machine with many GPUs.
const gpuBusyShare = 20

// startSampling looks at the GPUs beside the requests, as seldom as at the server's gauges, until gpusAfter.
func (g *gpuPass) startSampling(ctx context.Context) {
	if g == nil || len(g.record.Before) == 0 {
		return
	}
	ctx, g.stop = context.WithCancel(ctx)
	g.done = make(chan []report.GPUSample, 1)
	go func() { g.done <- g.sample(ctx) }()
}

func (g *gpuPass) sample(ctx context.Context) []report.GPUSample {
	var list []report.GPUSample
	startedAt := time.Now()
	for wait := firstSample; pause(ctx, wait); {
		askedAt := time.Now()
		gpus, err := g.tool.Readings(ctx)
		if err != nil {
			g.failed(ctx, err)
		} else {
			list = append(list, report.GPUSample{At: time.Since(startedAt).Seconds(), GPUs: gpuReadings(gpus)})
		}
		wait = max(min(2*wait, lastSample), gpuBusyShare*time.Since(askedAt))
	}
	return list
}

// stopSampling ends the sampler, and a call of the tool that is under way.
func (g *gpuPass) stopSampling() {
	if g != nil && g.done != nil {
		g.stop()
		g.record.Samples, g.done = <-g.done, nil
	}
}

// gpusAfter takes the state of the GPUs right after the measured requests, unless these failed, and stores what was told.
func (p *pass) gpusAfter(ctx context.Context, g *gpuPass, failed error) {
	if g == nil {
		return
	}
	if failed == nil && ctx.Err() == nil {
		g.record.After = g.state(ctx)
	}
	if g.record.Failure != "" && !g.told {
		g.told = true
		p.o.Observe(Note{Text: p.name + ": the state of the GPUs is not known: " + g.record.Failure})
	}
	if len(g.record.Before)+len(g.record.After) == 0 && g.record.Failure == "" {
		return
	}
	g.records[p.name] = &g.record
	if err := report.WriteGPURecord(p.run.dir, p.name, g.record); err != nil {
		p.o.Observe(Note{Text: "storing the state of the GPUs: " + err.Error()})
	}
}
