package orchestrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// ours makes sure that it is our server that answers on its port, and nobody else.
func (p *pass) ours() error {
	err := p.proc.OwnsPort()
	var stranger *server.StrangerError
	if !errors.As(err, &stranger) {
		return err
	}
	if stranger.Unknown() && len(p.cfg.Server.StopCommand) > 0 {
		// The server is in a container, whose processes are not to be seen from here.
		p.o.Observe(Note{Text: p.name + ": " + err.Error() + "; taken for the container's, which answers to " + p.served})
		return nil
	}
	return fail(ExitBusy, p.name+": port", err, "end what listens there, or set server.port to auto"+containerHint(stranger))
}

func containerHint(e *server.StrangerError) string {
	if e.Unknown() {
		return "; if the server runs in a container, set server.stop_command"
	}
	return ""
}

// clear ends what earlier runs of this user have left behind, if it is provably theirs, and says so. What it cannot end it
// tells as well; that is no reason not to run.
func (r *run) clear(ctx context.Context) {
	if len(r.o.StateDirs) == 0 {
		return
	}
	found, err := server.Leftovers(r.o.StateDirs...)
	if err != nil {
		r.o.Observe(Note{Text: "looking for what earlier runs left behind: " + err.Error()})
	}
	for _, l := range found {
		r.o.Observe(Note{Text: "left behind by an earlier run: " + l.String()})
		if l.Err != nil {
			continue
		}
		if ended, err := l.End(ctx); err != nil {
			r.o.Observe(Note{Text: "ending it: " + err.Error()})
		} else {
			r.o.Observe(Note{Text: fmt.Sprintf("ended in %.1f s, %d processes killed", ended.Took.Seconds(), len(ended.Killed))})
		}
	}
}
