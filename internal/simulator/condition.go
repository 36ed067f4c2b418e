package simulator

import (
	"sync"
	"sync/atomic"
)

// condition is what faults have made of a server that still runs.
type condition struct {
	// hung is set when no stream is to get anything more, dead when the engine is gone.
	hung, dead latch
	// slowHealth is the fault that slows /health down, nil for none.
	slowHealth atomic.Pointer[fault]
	// death is the fault that killed the engine; nil while it lives and when somebody else did.
	death atomic.Pointer[fault]
}

func newCondition() *condition { return &condition{hung: newLatch(), dead: newLatch()} }

// unnoticed reports whether the server is not to see that its engine is gone.
func (c *condition) unnoticed() bool {
	f := c.death.Load()
	return f != nil && f.unnoticed
}

// latch is an event that happens once.
type latch struct {
	once *sync.Once
	// done is closed by set.
	done chan struct{}
}

func newLatch() latch { return latch{new(sync.Once), make(chan struct{})} }

func (l latch) set() { l.once.Do(func() { close(l.done) }) }

func (l latch) isSet() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}
