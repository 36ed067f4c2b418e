package orchestrate

import (
	"runtime"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// startAudit has the client watch itself beside a pass; the function that it returns ends that and stores what was found.
func (p *pass) startAudit() (stop func()) {
	watch := telemetry.WatchSelf(p.load.Stats().Stamps == client.StampsUser)
	return func() {
		audit := auditOf(watch.Stop(), p.load.Stats(), ownCores(thisMachine()))
		if err := report.WriteClientAudit(p.run.dir, p.name, audit); err != nil {
			p.o.Observe(Note{Text: "storing what the client found out about itself: " + err.Error()})
		}
	}
}

// auditOf is what telemetry and the client tell, as the run directory has it.
func auditOf(use telemetry.SelfUse, stats client.Stats, cores float64) report.ClientAudit {
	a := report.ClientAudit{Stamps: string(stats.Stamps), Why: stats.Why, Wall: use.Wall.Seconds(), CPU: use.CPU.Seconds(),
		Cores: cores, GCs: use.GCs, GCPause: use.GCPause.Seconds(), GCPauseMax: use.GCPauseMax.Seconds(),
		Busy: use.Busy, Steal: use.Steal,
		Retransmits: use.Retransmits, Connections: int(stats.Connections), ClockSteps: int(stats.ClockSteps)}
	if use.Waits != nil {
		waited := use.Waits.Waited.Seconds()
		a.Wait, a.Turns = &waited, &use.Waits.Turns
	}
	for _, late := range use.Wakes {
		a.WakesUS = append(a.WakesUS, late.Microseconds())
	}
	return a
}

// ownCores is how many processors this program may use at once: what the machine gives it, and no more than the Go runtime uses.
func ownCores(m machine) float64 {
	most := float64(runtime.GOMAXPROCS(0))
	if n, known := m.cores(); known {
		return min(n, most)
	}
	return most
}
