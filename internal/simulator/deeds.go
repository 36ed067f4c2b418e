package simulator

import (
	"context"
	"sync"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
)

// do does what a fault does to the process, once a launch. What only sets the condition of the server is done when do returns,
// the rest soon after, by runDeeds.
func (l *launch) do(f *fault) {
	f.once.Do(func() {
		switch f.kind.name {
		case faultHang:
			l.condition.hung.set()
		case faultSlowHealth:
			l.condition.slowHealth.Store(f)
		case faultEngineDead:
			l.condition.death.Store(f)
			l.condition.dead.set()
		default:
			l.deeds <- f // there is room for every fault of the plan
		}
	})
}

// runDeeds does what takes its time, until ctx ends.
func (l *launch) runDeeds(ctx context.Context) {
	var floods sync.WaitGroup
	defer floods.Wait()
	for {
		select {
		case f := <-l.deeds:
			switch f.kind.name {
			case faultLogFlood, faultLogNoNewline, faultLogInvalid:
				floods.Go(func() { l.flood(ctx, f) })
			default:
				if err := l.harm(f); err != nil {
					l.log.line("ERROR: --sim-fault %s: %v", f.kind.name, err)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// harm kills a process of the tree or starts one that does not belong in it.
func (l *launch) harm(f *fault) error {
	switch f.kind.name {
	case faultDoubleFork:
		return l.stray(f, memberSpec{Role: roleForker, Title: titleForker})
	case faultOwnSession:
		return l.stray(f, memberSpec{Role: roleParent, Title: titleParent})
	}
	if err := l.startTree(); err != nil {
		return err
	}
	t := l.tree.Load()
	l.condition.death.Store(f)
	victim := t.engine.process
	if f.kind.name == faultKillWorker {
		victim = t.worker
	}
	if err := victim.Kill(); err != nil {
		return err
	}
	if f.unnoticed {
		l.condition.hung.set()
	}
	return nil
}

// stray starts a process with a session of its own below another one, and logs which.
func (l *launch) stray(f *fault, spec memberSpec) error {
	spec.WipeEnviron = l.options.wipeEnviron
	m, err := l.program.start(spec, false, nil)
	if err != nil {
		return err
	}
	if f.kind.name == faultDoubleFork {
		<-m.gone
	} else {
		l.helper.Store(m)
	}
	l.log.line("INFO:     --sim-fault %s: started process [%d] below process [%d]", f.kind.name, m.child, m.process.Pid)
	return nil
}

// watchEngine ends the server some time after its engine, as vLLM does, with all streams told at once.
func (s *serving) watchEngine(ctx context.Context) {
	select {
	case <-s.launch.engineGone():
	case <-s.condition.dead.done: // a fault says so
	case <-ctx.Done():
		return
	}
	if s.condition.unnoticed() {
		s.condition.hung.set()
		return
	}
	f := s.condition.death.Load()
	if f == nil {
		f = &fault{delay: -1}
	}
	if f.class != "" {
		s.log.engineFailed(failLogs[f.class])
	}
	s.condition.dead.set()
	s.log.engineDied()
	s.launch.endEngine()
	end := fault{kind: faultKind{name: faultEngineDead, ending: endExit}, status: f.status, after: f.delay}
	if f.delay < 0 {
		end.after = s.options.deathDelay
	}
	s.strikeLater(ctx, end)
}

// pausable makes a pacer stop for good when the server hangs, as if a step of the engine did not come back.
func (c *condition) pausable(ctx context.Context, pace pacer.Wait) pacer.Wait {
	return func(until time.Time) error {
		err := pace(until)
		if c.hung.isSet() && err == nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		return err
	}
}
