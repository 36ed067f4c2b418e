package simulator

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// launch is one life of the server, from the bound port to the exit.
type launch struct {
	options   *options
	log       *logger
	kill      func()
	startedAt time.Time
	plan      faultPlan
	socket    *boundSocket
	truth     *truthWriter
}

func (l *launch) close() { l.socket.close() }

// run loads, serves and stops.
func (l *launch) run(ctx context.Context) int {
	status, loaded := l.load(ctx)
	if loaded {
		status = l.serve(ctx)
	}
	if err := l.truth.close(); err != nil {
		l.log.line("ERROR: %v", err)
		return max(status, exitFailure)
	}
	return status
}

// load plays the start-up and the faults that strike in it. Without loaded, the process ends with the status.
func (l *launch) load(ctx context.Context) (status int, loaded bool) {
	pending := l.plan.timed(phaseLoading)
	for _, line := range startupLog(l.options) {
		at := time.Duration(line.at * float64(l.options.startup))
		for _, f := range pending {
			if l.strikesAt(f) <= at {
				return l.strike(ctx, f)
			}
		}
		if !l.sleep(ctx, at) {
			return exitInterrupted, false
		}
		line.print(l.log)
	}
	if len(pending) > 0 {
		return l.strike(ctx, pending[0])
	}
	return exitOK, l.sleep(ctx, l.options.startup)
}

// strikesAt is when a fault strikes while loading: where nothing was said, in the middle.
func (l *launch) strikesAt(f fault) time.Duration {
	if f.after > 0 {
		return f.after
	}
	return l.options.startup / 2
}

// strike lets a fault end the start-up.
func (l *launch) strike(ctx context.Context, f fault) (int, bool) {
	if !l.sleep(ctx, l.strikesAt(f)) {
		return exitInterrupted, false
	}
	switch f.kind.ending {
	case endOOM:
		l.log.outOfMemory()
		return exitFailure, false
	case endHang:
		l.sleep(ctx, 1<<62)
		return exitInterrupted, false
	case endKill:
		l.kill()
		return exitKilled, false
	}
	return f.status, false
}

// sleep waits until a time after the start; false when the launch is to stop. Under ignore-sigterm such a launch neither
// becomes ready nor ends, as vLLM does when it is interrupted while it loads.
func (l *launch) sleep(ctx context.Context, sinceStart time.Duration) bool {
	timer := time.NewTimer(time.Until(l.startedAt.Add(sinceStart)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	}
	if l.plan.find(faultIgnoreSIGTERM, phaseLoading) != nil {
		l.log.line(signalIgnored)
		select {}
	}
	l.log.traceback(&startError{"KeyboardInterrupt", "terminated"})
	return false
}

// signalIgnored is what the log says of a stop that the fault ignore-sigterm swallows.
const signalIgnored = "WARNING: signal ignored (--sim-fault ignore-sigterm)"

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
	pace, freePacer, err := newPacer(engineCtx)
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
	s := l.newServing(pace)
	s.tasks.Go(func() { s.engine.run(engineCtx) })
	s.tasks.Go(func() { _ = s.http.Serve(listener) })
	s.tasks.Go(func() { s.reportThroughput(engineCtx) })
	for _, f := range l.plan.timed(phaseServing) {
		s.tasks.Go(func() { s.strikeLater(engineCtx, f) })
	}
	s.announce(listener.Addr())
	status := s.wait(ctx, stopEngine)
	// After a fault this order breaks the open streams, as the end of a process does.
	_ = s.http.Close()
	stopEngine()
	s.tasks.Wait()
	s.seal()
	return status
}

func (l *launch) newServing(pace pacer) *serving {
	now := time.Now()
	st := newStats(l.options, now)
	s := &serving{launch: l, fatal: make(chan fault, 1)}
	s.server = &server{
		options: l.options, engine: newEngine(l.options, st, pace), stats: st, truth: l.truth, log: l.log, plan: l.plan,
		startedAt: l.startedAt, readyAt: now, end: s.endBy,
	}
	s.http = http.Server{Handler: s.handler(), IdleTimeout: keepAlive, ErrorLog: log.New(io.Discard, "", 0)}
	return s
}

// announce says that the server is ready.
func (s *serving) announce(address net.Addr) {
	s.log.info(fromAPI, "entry.py:140", "Starting vLLM server on http://%s", address)
	readyLog(s.log, os.Getpid())
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
	s.stop(stopEngine)
	return exitOK
}

// die ends the process as a fault says.
func (s *serving) die(f fault) int {
	if f.kind.ending == endKill {
		s.launch.kill()
		return exitKilled
	}
	return f.status
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
	s.log.info(fromAPI, "launcher.py:254", "[shutdown] API server: shutdown triggered")
	s.log.info(fromAPI, "launcher.py:270", "[shutdown] API server: stopping engine client mode=%s timeout=%ds", mode, int(timeout.Seconds()))
	if timeout > 0 {
		s.drain(timeout)
	}
	stopEngine()
	s.log.info(fromAPI, "launcher.py:279", "[shutdown] API server: engine client stopped")
	s.drain(closeTimeout)
	s.log.line("INFO:     Shutting down")
	s.log.line("INFO:     Waiting for application shutdown.")
	s.log.line("INFO:     Application shutdown complete.")
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

// strikeLater lets a fault end the process after its time.
func (s *serving) strikeLater(ctx context.Context, f fault) {
	timer := time.NewTimer(f.after)
	defer timer.Stop()
	select {
	case <-timer.C:
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
