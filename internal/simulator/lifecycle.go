package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/internal/pacer"
)

// launch is one life of the server, from the bound port to the exit.
type launch struct {
	options   *options
	log       *logger
	kill      func()
	program   program
	startedAt time.Time
	plan      faultPlan
	socket    *boundSocket
	truth     *truthWriter
	prefixes  prefixStore

	condition *condition
	// deeds are the faults for runDeeds.
	deeds chan *fault
	// grow starts the tree, or returns what it did before; tree is nil until then.
	grow func() (*processTree, error)
	tree atomic.Pointer[processTree]
	// helper is the child that own-session started, nil for none.
	helper atomic.Pointer[member]
}

// newLaunch is a launch of which only the port and the truth file are missing.
func newLaunch(o *options, log *logger, kill func(), p program) *launch {
	l := &launch{options: o, log: log, kill: kill, program: p, startedAt: time.Now(), condition: newCondition()}
	l.plan = newFaultPlan(o.faults, o.servedNames[0])
	l.deeds = make(chan *fault, len(l.plan))
	l.grow = sync.OnceValues(l.growTree)
	return l
}

func (l *launch) close() { l.socket.close() }

// run loads, serves and stops.
func (l *launch) run(ctx context.Context) int {
	deedCtx, endDeeds := context.WithCancel(context.WithoutCancel(ctx))
	var deeds sync.WaitGroup
	deeds.Go(func() { l.runDeeds(deedCtx) })
	status, loaded := l.load(ctx)
	if loaded {
		status = l.serve(ctx)
	}
	endDeeds()
	deeds.Wait()
	l.endTree()
	if err := l.truth.close(); err != nil {
		l.log.line("ERROR: %v", err)
		return max(status, exitFailure)
	}
	return status
}

// serving is what runs while the server is ready.
type serving struct {
	*server
	launch *launch
	http   http.Server
	// fatal receives the fault that ends the process.
	fatal chan fault
	tasks sync.WaitGroup
}

// serve answers requests until it is told to stop, and returns the exit status.
func (l *launch) serve(ctx context.Context) int {
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	pace, freePacer, err := pacer.New(engineCtx)
	if err != nil {
		l.log.traceback(err)
		return exitFailure
	}
	defer freePacer()
	listener, err := l.socket.listen()
	if err != nil {
		l.log.traceback(osError(err))
		return exitFailure
	}
	s := l.newServing(l.condition.pausable(engineCtx, pace))
	pool := s.engine.scheduler.pool
	if err := l.prefixes.load(pool); err != nil {
		l.log.traceback(osError(err))
		return exitFailure
	}
	stopTraces := s.engine.traces.start()
	s.tasks.Go(func() { s.engine.run(engineCtx) })
	s.tasks.Go(func() { _ = s.http.Serve(listener) })
	s.tasks.Go(func() { s.reportThroughput(engineCtx) })
	s.tasks.Go(func() { s.watchEngine(engineCtx) })
	for _, f := range l.plan.timed(phaseServing) {
		s.tasks.Go(func() { s.strikeLater(engineCtx, f) })
	}
	s.announce(listener.Addr())
	if err := l.options.sayReady(); err != nil {
		l.log.line("ERROR: %v", err)
	}
	status := s.wait(ctx, stopEngine)
	// After a fault this order breaks the open streams, as the end of a process does.
	_ = s.http.Close()
	stopEngine()
	s.tasks.Wait()
	stopTraces()
	s.seal()
	if err := l.prefixes.save(pool); err != nil {
		l.log.line("ERROR: %v", err)
	}
	return status
}

func (l *launch) newServing(pace pacer.Wait) *serving {
	now := time.Now()
	st := newStats(l.options, now)
	s := &serving{launch: l, fatal: make(chan fault, 1)}
	s.server = &server{
		options: l.options, engine: newEngine(l.options, st, pace), stats: st, truth: l.truth, log: l.log, plan: l.plan,
		condition: l.condition, startedAt: l.startedAt, readyAt: now, end: s.endBy, do: l.do,
	}
	s.engine.traces = newTracer(l.options, l.log)
	s.engine.traces.loaded(l.startedAt, now)
	s.http = http.Server{Handler: s.handler(), IdleTimeout: keepAlive, ErrorLog: log.New(io.Discard, "", 0)}
	return s
}

// announce says that the server is ready.
func (s *serving) announce(address net.Addr) {
	s.log.info(fromAPI, "entry.py:140", "Starting vLLM server on http://%s", address)
	readyLog(s.log, os.Getpid())
}

// sayReady writes the process id to the file of --sim-ready-file.
func (o *options) sayReady() error {
	if o.readyFile == "" {
		return nil
	}
	// Written under another name first: who waits for the file finds it whole.
	part := o.readyFile + ".part"
	if err := os.WriteFile(part, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("writing --sim-ready-file: %w", err)
	}
	if err := os.Rename(part, o.readyFile); err != nil {
		return fmt.Errorf("writing --sim-ready-file: %w", err)
	}
	return nil
}

// wait returns when the server has to end, and with which status: on request after an ordered stop, by a fault at once.
func (s *serving) wait(ctx context.Context, stopEngine func()) int {
	select {
	case f := <-s.fatal:
		return s.die(f)
	case <-ctx.Done():
	}
	if s.plan.find(faultIgnoreSIGTERM, phaseServing) != nil {
		s.log.line(signalIgnored)
		return s.die(<-s.fatal)
	}
	s.log.info(fromAPI, "launcher.py:254", "[shutdown] API server: shutdown triggered")
	if pending := s.plan.timed(phaseStopping); len(pending) > 0 {
		return s.dieStopping(pending[0], stopEngine)
	}
	s.stop(stopEngine)
	return exitOK
}

// die ends the process as a fault says.
func (s *serving) die(f fault) int {
	switch {
	case f.kind.ending == endKill:
		s.launch.kill()
		return exitKilled
	case f.kind.name == faultEngineDead:
		s.log.farewell(os.Getpid())
	}
	return f.status
}

// dieStopping is a stop during which a fault strikes.
func (s *serving) dieStopping(f fault, stopEngine func()) int {
	timer := time.NewTimer(f.after)
	defer timer.Stop()
	<-timer.C
	if f.kind.name != faultHang {
		return s.die(f)
	}
	stopEngine()
	s.drain(closeTimeout)
	return s.die(<-s.fatal)
}

// closeTimeout is how long a stop waits for responses to be written out.
const closeTimeout = 300 * time.Millisecond

// stop ends as vLLM does on SIGTERM: requests in flight end with finish reason abort, unless they are done within
// --shutdown-timeout.
func (s *serving) stop(stopEngine func()) {
	timeout, mode := s.options.shutdownTimeout, "abort"
	if timeout > 0 {
		mode = "drain"
	}
	s.log.info(fromAPI, "launcher.py:270", "[shutdown] API server: stopping engine client mode=%s timeout=%ds", mode, int(timeout.Seconds()))
	if timeout > 0 {
		s.drain(timeout)
	}
	stopEngine()
	s.launch.endTree()
	s.log.info(fromAPI, "launcher.py:279", "[shutdown] API server: engine client stopped")
	s.drain(closeTimeout)
	s.log.farewell(os.Getpid())
	if f := s.plan.find(faultSlowStop, phaseStopping); f != nil {
		s.linger(f.lasting)
	}
}

// farewell is uvicorn's log of its end.
func (l *logger) farewell(pid int) {
	l.line("INFO:     Shutting down")
	l.line("INFO:     Waiting for application shutdown.")
	l.line("INFO:     Application shutdown complete.")
	l.line("INFO:     Finished server process [%d]", pid)
}

// linger waits, for ever when lasting is 0.
func (s *serving) linger(lasting time.Duration) {
	var over <-chan time.Time
	if lasting > 0 {
		timer := time.NewTimer(lasting)
		defer timer.Stop()
		over = timer.C
	}
	<-over
}

// drain stops to take connections and waits for the open requests, but not for longer than the timeout.
func (s *serving) drain(timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.log.line("ERROR:    %v", err)
	}
}

// endBy hands a fault that ends the process to wait; the first one counts.
func (s *serving) endBy(f fault) {
	select {
	case s.fatal <- f:
	default:
	}
}

// strikeLater lets a fault act on the process after its time.
func (s *serving) strikeLater(ctx context.Context, f fault) {
	timer := time.NewTimer(f.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		if f.kind.deed {
			s.do(&f)
			return
		}
		s.endBy(f)
	case <-ctx.Done():
	}
}

// statsInterval is how often vLLM logs its throughput.
const statsInterval = 10 * time.Second

func (s *serving) reportThroughput(ctx context.Context) {
	if !s.options.logStats {
		return
	}
	ticker := time.NewTicker(statsInterval)
	defer ticker.Stop()
	before := s.stats.totals()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := s.stats.totals()
		s.log.throughput(before, now, statsInterval)
		before = now
	}
}
