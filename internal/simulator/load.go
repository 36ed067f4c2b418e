package simulator

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// load plays the start-up and the faults that strike in it. Without loaded, the process ends with the status.
func (l *launch) load(ctx context.Context) (status int, loaded bool) {
	pending := l.plan.timed(phaseLoading)
	slices.SortStableFunc(pending, func(a, b fault) int { return cmp.Compare(l.strikesAt(a), l.strikesAt(b)) })
	for _, line := range startupLog(l.options) {
		at := time.Duration(line.at * float64(l.options.startup))
		for len(pending) > 0 && l.strikesAt(pending[0]) <= at {
			if status, alive := l.strike(ctx, &pending[0]); !alive {
				return status, false
			}
			pending = pending[1:]
		}
		if status, alive := l.sleep(ctx, at); !alive {
			return status, false
		}
		if err := l.treeFor(line); err != nil {
			l.log.traceback(osError(err))
			return exitFailure, false
		}
		line.print(l.log)
	}
	for i := range pending {
		if status, alive := l.strike(ctx, &pending[i]); !alive {
			return status, false
		}
	}
	if status, alive := l.sleep(ctx, l.options.startup); !alive {
		return status, false
	}
	return l.hold(ctx)
}

// treeFor starts the process tree before its first line in the log.
func (l *launch) treeFor(line startupLine) error {
	if line.process != fromEngine || l.tree.Load() != nil {
		return nil
	}
	return l.startTree()
}

// strikesAt is when a fault strikes while loading: where nothing was said, in the middle.
func (l *launch) strikesAt(f fault) time.Duration {
	if f.after > 0 {
		return f.after
	}
	return l.options.startup / 2
}

// strike lets a fault strike in the start-up; unless alive, the process ends with the status.
func (l *launch) strike(ctx context.Context, f *fault) (status int, alive bool) {
	if status, alive := l.sleep(ctx, l.strikesAt(*f)); !alive {
		return status, false
	}
	switch f.kind.ending {
	case endNever:
		return l.strikeAlive(ctx, f)
	case endOOM:
		l.log.startFailed(failLogs["out_of_memory_loading"])
		return exitFailure, false
	case endFailLog:
		l.log.startFailed(failLogs[f.class])
	case endHang:
		return l.sleep(ctx, forEver)
	case endKill:
		l.kill()
		return exitKilled, false
	}
	return f.status, false
}

// strikeAlive does what the fault does. After a death nothing more happens until it is noticed, which may be never.
func (l *launch) strikeAlive(ctx context.Context, f *fault) (status int, alive bool) {
	if !f.kind.tree {
		l.do(f)
		return exitOK, true
	}
	if err := l.startTree(); err != nil {
		l.log.traceback(osError(err))
		return exitFailure, false
	}
	l.do(f)
	return l.sleep(ctx, forEver)
}

const forEver = time.Duration(1 << 62)

// sleep waits until a time after the start. Unless alive, the launch ends with the status: it is to stop, or its engine has
// died. Under ignore-sigterm a launch that is to stop neither becomes ready nor ends, as vLLM does when it is interrupted while
// it loads.
func (l *launch) sleep(ctx context.Context, sinceStart time.Duration) (status int, alive bool) {
	gone := l.engineGone()
	if l.condition.unnoticed() {
		gone = nil
	}
	timer := time.NewTimer(time.Until(l.startedAt.Add(sinceStart)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return exitOK, true
	case <-gone:
		if l.condition.unnoticed() { // the fault has struck meanwhile
			return l.sleep(ctx, forEver)
		}
		l.log.engineFailedToStart(fmt.Sprint(l.tree.Load().engine.status))
		return exitFailure, false
	case <-ctx.Done():
	}
	if l.plan.find(faultIgnoreSIGTERM, phaseLoading) != nil {
		l.log.line(signalIgnored)
		select {}
	}
	l.log.traceback(&startError{"KeyboardInterrupt", "terminated"})
	return exitInterrupted, false
}

// signalIgnored is what the log says of a stop that the fault ignore-sigterm swallows.
const signalIgnored = "WARNING: signal ignored (--sim-fault ignore-sigterm)"

// holdInterval is how often a launch that is held back looks whether it may go on.
const holdInterval = 20 * time.Millisecond

// hold keeps the launch from becoming ready until a file exists that --sim-hold matches.
func (l *launch) hold(ctx context.Context) (status int, alive bool) {
	for l.options.hold != "" {
		matches, err := filepath.Glob(l.options.hold)
		if err != nil || len(matches) > 0 { // the pattern has been checked
			break
		}
		if status, alive := l.sleep(ctx, time.Since(l.startedAt)+holdInterval); !alive {
			return status, false
		}
	}
	return exitOK, true
}
