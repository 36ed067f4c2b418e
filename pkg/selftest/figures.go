package selftest

import (
	"slices"
	"time"
)

// usage is what a level took.
type usage struct {
	// elapsed is the time of the pass, cpu this process's processor time in it, serverCPU the metronome's, over its whole life.
	elapsed, cpu, serverCPU time.Duration
	// cores is how many this process may use.
	cores int
	// grown is by how many bytes this process grew; 0 or less where that is not known.
	grown int64
}

// figures makes a level of what was compared and used.
func figures(streams int, c *comparison, u usage) Level {
	l := Level{Streams: streams, Events: c.events, EventsPerSecond: c.perSecond, Failed: c.failed,
		Failure: c.failure, Lost: c.lost, Extra: c.extra, ITLError: spread(c.itlErrors), TTFTError: spread(c.ttftErrors),
		ScheduleLag: spread(c.scheduleLags), ClientLag: spread(c.clientLags), ServerLate: spread(c.serverLate),
		Seen: times(c.seenITL, c.seenTTFT), True: times(c.trueITL, c.trueTTFT),
		ServerBuffered: c.buffered}
	if u.grown > 0 {
		l.MemoryPerStream = new(float64(u.grown) / float64(streams))
	}
	if c.events > 0 {
		l.Coalesced = float64(c.coalesced) / float64(c.events)
		l.CPUPerEvent = float64(u.cpu.Microseconds()) / float64(c.events)
	}
	if u.elapsed > 0 {
		l.CPUShare = u.cpu.Seconds() / u.elapsed.Seconds() / float64(u.cores)
		l.ServerCPUShare = u.serverCPU.Seconds() / u.elapsed.Seconds()
	}
	l.Exact = l.isExact()
	return l
}

// times sorts the samples; nil without any.
func times(itl, ttft []float64) *Times {
	if len(itl) == 0 || len(ttft) == 0 {
		return nil
	}
	slices.Sort(itl)
	slices.Sort(ttft)
	return &Times{MedianITL: quantile(itl, 0.5), P99ITL: quantile(itl, 0.99), MedianTTFT: quantile(ttft, 0.5)}
}
