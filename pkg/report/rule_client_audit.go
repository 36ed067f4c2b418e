package report

import "fmt"

// clientOf is the audit of a pass with what a rule needs beside it.
type clientOf struct {
	*passEvidence
	section *PassClient
}

// clients are the passes of which the client's audit is known.
func (e *evidence) clients() []clientOf {
	var list []clientOf
	for _, c := range []clientOf{{e.full, e.summary.Client.Full}, {e.summarization, e.summary.Client.Summarization}} {
		if c.section != nil {
			list = append(list, c)
		}
	}
	return list
}

// ruleClientCPU: a client that uses nearly all of its processors is late with something, whether it shows or not.
func ruleClientCPU(e *evidence) []Reason {
	limit := e.summary.Thresholds.ClientCPUShare
	var reasons []Reason
	for _, c := range e.clients() {
		if c.section.CPUShare == nil || *c.section.CPUShare <= limit {
			continue
		}
		reasons = append(reasons, suspect("client_cpu", "this client was the bottleneck in the %s pass: it used %.0f %% of the "+
			"%s it may use, where %.0f %% are allowed; give it more, or lower the load", c.name, 100**c.section.CPUShare,
			coresText(*c.section.Cores), 100*limit))
	}
	return reasons
}

func coresText(n float64) string {
	if n == 1 {
		return "1 processor"
	}
	return fmt.Sprintf("%.3g processors", n)
}

// lagging tells whether the lag of the full pass is above its limit, a share of the median gap between chunks; it is not where
// either is not known.
func (e *evidence) lagging() (lag, limit float64, is bool) {
	c := e.summary.Client.Full
	if c == nil || c.Lag.N == 0 || e.summary.ICL.N == 0 {
		return 0, 0, false
	}
	lag, limit = *c.Lag.P99, e.summary.Thresholds.LagICLShare**e.summary.ICL.Median
	return lag, limit, lag > limit
}

// ruleClientLag: without the kernel's stamps, every lateness of the client is in the times.
func ruleClientLag(e *evidence) []Reason {
	lag, limit, is := e.lagging()
	if !is || e.summary.Client.Full.Stamps == StampsKernel {
		return nil
	}
	return []Reason{suspect("client_lag", "this client was the bottleneck: it was late by %.3f ms (p99), more than %.3g %% of the "+
		"median gap between chunks (%.3f ms), and its own clock stamped what came; leave it more CPU, lower the load, or run "+
		"where the kernel stamps", lag, 100*e.summary.Thresholds.LagICLShare, limit)}
}

// ruleClientStarved: a client whose processors others had, and that was late by it, did not keep the load that it was to keep,
// however exact the kernel's stamps are.
func ruleClientStarved(e *evidence) []Reason {
	lag, _, is := e.lagging()
	c := e.summary.Client.Full
	if !is || c.Cores == nil || c.Busy == nil || *c.Busy <= e.summary.Thresholds.ClientCPUShare {
		return nil
	}
	return []Reason{suspect("client_starved", "this client was the bottleneck: the %s it may use had %.0f %% of their time used up "+
		"(%.0f %% are allowed), %s, and it read what came late by %.3f ms (p99), more than %.3g %% of the median gap between chunks; "+
		"keep others off its processors (the server with taskset in server.command), or give it more", coresText(*c.Cores), 100**c.Busy,
		100*e.summary.Thresholds.ClientCPUShare, usedText(c), lag, 100*e.summary.Thresholds.LagICLShare)}
}

// usedText says how much of it the client used itself.
func usedText(c *PassClient) string {
	if c.CPUShare == nil {
		return "mostly by others"
	}
	return fmt.Sprintf("%.0f %% by the client itself", 100**c.CPUShare)
}

// ruleCoalesced: chunks that came out of one read share a stamp, so the gap between them is not known.
func ruleCoalesced(e *evidence) []Reason {
	c := e.summary.Client.Full
	limit := e.summary.Thresholds.CoalescedShare
	if c == nil || e.summary.ICL.N == 0 || c.CoalescedShare == nil || *c.CoalescedShare <= limit {
		return nil
	}
	return []Reason{suspect("coalesced", "%d chunks of the full pass (%.1f %%) came out of the same read as the one before and "+
		"have its stamp, where %.3g %% are allowed: %s is too short for them and too long for others; %s", *c.Coalesced,
		100**c.CoalescedShare, 100*limit, gapName(e.summary), coalescedAdvice(c))}
}

func gapName(s *Summary) string {
	if s.ITL != nil {
		return "itl_ms"
	}
	return "icl_ms"
}

// coalescedAdvice tells a server that sends several chunks at once from a client that reads them late.
func coalescedAdvice(c *PassClient) string {
	if c.Lag.N > 0 && *c.Lag.P99 < 1 {
		return "the client read without delay, so the server sent them together: its API server is short of CPU"
	}
	return "leave the client more CPU, or lower the load"
}
