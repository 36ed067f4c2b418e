package simulator

import (
	"fmt"
	"os"
)

// The command lines that the processes of the tree show.
const (
	titleEngine  = "VLLM::EngineCore"
	titleWorker  = "VLLM::Worker"
	titleTracker = "python3\x00-c\x00from multiprocessing.resource_tracker import main;main(34)"
	titleParent  = "sim-helper"
	titleForker  = "sim-forker"
	titleStray   = "sim-stray"
)

// processTree are the processes below the API server (--sim-tree), which is this process. They compute nothing: the engine's work
// is done here, and ends when EngineCore does.
type processTree struct {
	tracker, engine *member
	worker          *os.Process
	// pipe is the end of the resource_tracker's pipe that this process holds; the tracker ends when nobody holds one.
	pipe *os.File
}

// growTree starts the tree in our own session, as vLLM does, and returns when all of it runs.
func (l *launch) growTree() (*processTree, error) {
	trackerEnd, pipe, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the process tree: %w", err)
	}
	defer func() { _ = trackerEnd.Close() }()
	t := &processTree{pipe: pipe}
	spec := memberSpec{Role: roleTracker, Title: titleTracker, WipeEnviron: l.options.wipeEnviron}
	if t.tracker, err = l.program.start(spec, false, trackerEnd); err != nil {
		return nil, err
	}
	spec = memberSpec{
		Role: roleEngine, Title: titleEngine, WipeEnviron: l.options.wipeEnviron,
		IgnoreTerm: l.plan.has(faultIgnoreSIGTERM),
		Deaf:       l.plan.hasUnnoticed(faultKillWorker),
	}
	if t.engine, err = l.program.start(spec, false, pipe); err != nil {
		return nil, err
	}
	if t.worker, err = os.FindProcess(t.engine.child); err != nil {
		return nil, fmt.Errorf("starting the process tree: %w", err)
	}
	l.log.name(fromEngine, t.engine.process.Pid)
	l.log.name(fromWorker, t.engine.child)
	return t, nil
}

// startTree starts the tree, where there is to be one and there is none yet.
func (l *launch) startTree() error {
	if !l.options.tree {
		return nil
	}
	t, err := l.grow()
	if err != nil {
		return err
	}
	l.tree.Store(t)
	return nil
}

// engineGone is closed when EngineCore has ended; nil, which never is, without a tree.
func (l *launch) engineGone() <-chan struct{} {
	t := l.tree.Load()
	if t == nil {
		return nil
	}
	return t.engine.gone
}

// endEngine ends EngineCore, which ends Worker, unless a fault wants them to live on. A Worker whose EngineCore has been killed
// is nobody's any more and stays.
func (l *launch) endEngine() {
	t := l.tree.Load()
	if t != nil && !l.plan.has(faultOrphanOnExit) {
		t.engine.stop(engineStopTimeout)
	}
}

// endTree ends EngineCore and other children, and lets go of the resource_tracker, which sees for itself when all have ended.
func (l *launch) endTree() {
	l.endEngine()
	if m := l.helper.Load(); m != nil {
		m.stop(engineStopTimeout)
	}
	if t := l.tree.Load(); t != nil {
		_ = t.pipe.Close()
	}
}

// has reports whether a fault of this kind is in the plan.
func (p faultPlan) has(name faultName) bool {
	for _, f := range p {
		if f.kind.name == name {
			return true
		}
	}
	return false
}

// hasUnnoticed reports whether a fault of this kind is in the plan that nobody is to notice.
func (p faultPlan) hasUnnoticed(name faultName) bool {
	for _, f := range p {
		if f.kind.name == name && f.unnoticed {
			return true
		}
	}
	return false
}
