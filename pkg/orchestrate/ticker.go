package orchestrate

import "time"

// tickEvery is how often progress is told.
const tickEvery = 250 * time.Millisecond

// every calls f at once, each tickEvery, and never again after the returned function has returned.
func every(f func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for {
			f()
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(quit); <-done }
}

// rateMeter turns a growing count into a rate over the last few seconds.
type rateMeter struct {
	samples []rateSample
}

type rateSample struct {
	at    time.Duration
	count int64
}

// rateWindow is how far back the shown rate looks.
const rateWindow = 5 * time.Second

// add notes the count at an elapsed time and returns the rate per second over the window; 0 with less than two samples.
func (m *rateMeter) add(at time.Duration, count int64) float64 {
	m.samples = append(m.samples, rateSample{at, count})
	for len(m.samples) > 2 && at-m.samples[0].at > rateWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	if at <= first.at {
		return 0
	}
	return float64(count-first.count) / (at - first.at).Seconds()
}

// eta estimates the remaining time from the share that is done; 0 while nothing is.
func eta(elapsed time.Duration, done, total int64) time.Duration {
	if done <= 0 || done >= total {
		return 0
	}
	return time.Duration(float64(elapsed) * float64(total-done) / float64(done))
}
