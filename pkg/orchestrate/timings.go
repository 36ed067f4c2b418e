package orchestrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// timings is how a run learns from its servers where the time of the requests goes: the same for both of them. The zero value
// adds nothing.
type timings struct {
	plan server.TimingPlan
	// flags and env are added to the recipe's.
	flags []server.Flag
	env   [][2]string
	// receiver takes the server's traces; nil for any other source.
	receiver *telemetry.TraceReceiver
}

// installed finds the vLLM that the recipe's command starts, without starting or importing it. The errors are those of
// server.InterpreterOf and server.InstalledVLLM.
func installed(ctx context.Context, cfg *config.Config, o Options) (server.Installed, error) {
	if usesSimulator(cfg) {
		v, err := server.ParseVersion(o.SimulatorVersion)
		return server.Installed{Package: "simulator", Version: v, VersionText: o.SimulatorVersion}, err
	}
	env := serverEnviron(cfg, o, nil)
	python, err := server.InterpreterOf(cfg.Server.Command, env)
	if err != nil {
		return server.Installed{}, err
	}
	return server.InstalledVLLM(ctx, python, env)
}

// planTimings decides where the times of requests come from, given what is installed. Errors are *Error.
func planTimings(cfg *config.Config, o Options, v server.Installed, want server.Timings) (timings, error) {
	plan, err := server.PlanTimings(server.TimingInput{Want: want, Installed: v, Launch: launchFor(cfg, o, "", 0, nil),
		Inherited: o.Environ, Added: recipeEnv(cfg)})
	if err != nil {
		return timings{}, fail(ExitRecipe, "server.timings", err, "")
	}
	t := timings{plan: plan, flags: plan.Flags}
	if plan.Source == server.TimingsTrace {
		t.env = slices.DeleteFunc(telemetry.TraceEnv(serverEnviron(cfg, o, nil)), func(pair [2]string) bool {
			return slices.ContainsFunc(recipeEnv(cfg), func(own [2]string) bool { return own[0] == pair[0] })
		})
	}
	return t, nil
}

// listen starts the receiver, if there is to be one.
func (t *timings) listen() (err error) {
	if t.plan.Source != server.TimingsTrace {
		return nil
	}
	if t.receiver, err = telemetry.ListenTraces(); err != nil {
		return fail(ExitInternal, "traces", err, "set server.timings to histogram to do without")
	}
	t.flags = append(slices.Clone(t.flags), server.Flag{Name: telemetry.TraceFlag, Values: []string{t.receiver.URL()}})
	return nil
}

func (t *timings) close() {
	if t.receiver != nil {
		t.receiver.Close()
	}
}

// added is what was added to the recipe's flags and environment, as one would write it.
func (t *timings) added() []string {
	var list []string
	for _, f := range t.flags {
		list = append(list, strings.Join(append([]string{"--" + f.Name}, f.Values...), " "))
	}
	for _, pair := range t.env {
		list = append(list, pair[0]+"="+pair[1])
	}
	return list
}

// info is the plan as the manifest has it.
func (t *timings) info(cfg *config.Config) report.Timings {
	return report.Timings{Wanted: cfg.Server.Timings, Source: report.TTFTSource(t.plan.Source), Why: t.plan.Why, Added: t.added()}
}

// setTimings plans for a source, and says what it adds to the server. refused says why a better one was given up, nil if none was.
func (r *run) setTimings(want server.Timings, refused *string) error {
	t, err := planTimings(r.cfg, r.o, r.installed, want)
	if err != nil {
		return err
	}
	if err := t.listen(); err != nil {
		return err
	}
	r.timings.close()
	r.timings = t
	r.manifest.Timings = t.info(r.cfg)
	r.manifest.Timings.Refused = refused
	text := fmt.Sprintf("times of requests: %s (%s)", t.plan.Source, t.plan.Why)
	if refused != nil {
		text = *refused + "; it is started once more without it; " + text
	}
	if len(r.manifest.Timings.Added) > 0 {
		text += "; added to the server: " + strings.Join(r.manifest.Timings.Added, " ")
	}
	r.o.Observe(Note{Text: text})
	return nil
}

// refusedTimings tells whether a start failed because of what was added for the timings, and does without them then. Only the
// first pass may: the second must be launched as the first was.
func (p *pass) refusedTimings(failed *ServerFailure) bool {
	var start *server.StartError
	if p.name != report.PassFull || len(p.timings.flags)+len(p.timings.env) == 0 || !errors.As(failed.Err, &start) ||
		start.Exit == nil || !p.timings.named(failed.Failure) {
		return false
	}
	refused := fmt.Sprintf("the server does not start with what the source %s needs (%s): %s", p.timings.plan.Source,
		strings.Join(p.timings.added(), " "), failed.Failure.Line)
	for _, want := range []server.Timings{server.TimingsHistogram, server.TimingsClient} {
		if p.setTimings(want, &refused) == nil {
			p.run.first, p.manifest.LaunchDifferences = nil, nil
			return true
		}
	}
	return false
}

// named tells whether a failure's cause, or an error near it, speaks of anything that was added.
func (t *timings) named(f server.Failure) bool {
	text := strings.ToLower(strings.Join(append([]string{f.Line}, f.Candidates...), "\n"))
	words := []string{}
	for _, flag := range t.flags {
		words = append(words, flag.Name, strings.ReplaceAll(flag.Name, "-", "_"))
	}
	if t.plan.Source == server.TimingsTrace {
		words = append(words, "opentelemetry", "otlp")
	}
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// spanTimeout is how long the last spans of a pass may take: the exporter sends every 200 ms.
const spanTimeout = 5 * time.Second

// awaitSpans waits until every request of the pass has its span, while the server still lives.
func (p *pass) awaitSpans(ctx context.Context, reqs []client.Request) {
	if p.timings.receiver == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, spanTimeout)
	defer cancel()
	p.timings.receiver.Wait(ctx, traceIDs(reqs))
}

// trace gives each request a trace of its own, if the server is to tell its times by traces.
func (p *pass) trace(reqs []client.Request) {
	if p.timings.receiver == nil {
		return
	}
	for i := range reqs {
		reqs[i].TraceParent = client.TraceParent(reqs[i].ID)
	}
	p.traceIDs = traceIDs(reqs)
}

func traceIDs(reqs []client.Request) []string {
	ids := make([]string, len(reqs))
	for i := range reqs {
		ids[i] = reqs[i].TraceID()
	}
	return ids
}

// keepSpans stores the spans of the pass's requests, once the server has ended and sent its last ones.
func (p *pass) keepSpans() error {
	if p.timings.receiver == nil || len(p.traceIDs) == 0 {
		return nil
	}
	ours := make(map[string]bool, len(p.traceIDs))
	for _, id := range p.traceIDs {
		ours[id] = true
	}
	var spans []report.Span
	for _, s := range p.timings.receiver.Requests() {
		if ours[s.TraceID] {
			spans = append(spans, report.Span{RequestID: s.RequestID, TraceID: s.TraceID, QueueMS: s.QueueMS,
				PrefillMS: s.PrefillMS, DecodeMS: s.DecodeMS})
		}
	}
	p.o.Observe(Note{Text: fmt.Sprintf("%s: traces of %d requests received, %d sent", p.name, len(spans), len(ours))})
	return report.WriteSpans(p.run.dir, p.name, spans)
}
