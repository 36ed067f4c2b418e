package telemetry

import (
	"slices"
	"sync"
	"time"
)

const (
	// wakeEvery is how long the watch sleeps at first, maxWakes how many samples it keeps: when they are as many, every other
	// one is dropped and it sleeps twice as long, so that they stay spread over the whole time.
	wakeEvery = 5 * time.Millisecond
	maxWakes  = 20_000
)

// wakeWatch samples how late a sleeping thread of this process is running again. It sleeps in the kernel: the runtime's own
// timers are late by up to a millisecond even on an idle machine.
type wakeWatch struct {
	ending chan struct{}
	done   sync.WaitGroup
	late   []time.Duration
}

func watchWakes() *wakeWatch {
	w := &wakeWatch{ending: make(chan struct{})}
	w.done.Go(func() { w.run(sleepUntil) })
	return w
}

// run samples until ending is closed.
func (w *wakeWatch) run(sleep func(until time.Time)) {
	every := wakeEvery
	for {
		until := time.Now().Add(every)
		sleep(until)
		late := time.Since(until)
		select {
		case <-w.ending:
			return
		default:
		}
		w.late = append(w.late, max(late, 0))
		if len(w.late) == maxWakes {
			w.late, every = thinned(w.late), 2*every
		}
	}
}

// thinned keeps every other one.
func thinned(list []time.Duration) []time.Duration {
	kept := list[:0]
	for i := 0; i < len(list); i += 2 {
		kept = append(kept, list[i])
	}
	return kept
}

// stop ends the watch within one sleep, and returns its samples.
func (w *wakeWatch) stop() []time.Duration {
	close(w.ending)
	w.done.Wait()
	return slices.Clone(w.late)
}
