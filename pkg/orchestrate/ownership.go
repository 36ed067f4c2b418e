package orchestrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// ours makes sure that it is our server that answers on its port, and nobody else. step is what is being done.
func (p *pass) ours(ctx context.Context, step string) error {
	err := p.strangers()
	if !errors.Is(err, errNobodyListens) {
		return err
	}
	// A server that ends closes its socket a moment before its end is seen.
	return at(step, p.ending(ctx, deathTimeout, &sickServer{err}))
}

// errNobodyListens says that the server's socket is not to be seen.
var errNobodyListens = errors.New("the server does not listen any more, or out of sight (one in a container needs server.stop_command)")

// strangers returns an error of exit code 8 when somebody else listens on our port, and errNobodyListens when nobody does.
func (p *pass) strangers() error {
	err := p.proc.OwnsPort()
	var stranger *server.StrangerError
	if !errors.As(err, &stranger) {
		return err
	}
	nobody := len(stranger.Strangers) == 0
	switch {
	case len(p.cfg.Server.StopCommand) > 0 && !stranger.Shared():
		// The server is in a container, whose processes are none of ours, or not even to be seen from here.
		p.o.Observe(Note{Text: p.name + ": " + err.Error() + "; taken for the container's, which answers to " + p.served})
		return nil
	case nobody:
		return fmt.Errorf("%w: %w", errNobodyListens, err)
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
// tells as well; that is no reason not to run. It reports whether it ended anything.
func (r *run) clear(ctx context.Context) (some bool) {
	if len(r.o.StateDirs) == 0 {
		return false
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
			some = true
		}
	}
	return some
}
