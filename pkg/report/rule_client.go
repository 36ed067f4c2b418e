package report

import (
	"fmt"
	"time"
)

// ruleScheduleLag: the client must send when the schedule says so. The lag counts when its 99th percentile is above a limit
// and above a share of the mean gap between arrivals; with all requests due at once the gap is 0 and the limit alone decides.
func ruleScheduleLag(e *evidence) []Reason {
	limits := e.summary.Thresholds
	var reasons []Reason
	for _, p := range []struct {
		*passEvidence
		lag Distribution
	}{{e.full, e.summary.ScheduleLag}, {e.summarization, e.summary.Summarization.ScheduleLag}} {
		if p.lag.N == 0 {
			continue
		}
		gap := float64(p.meanGap()) / float64(time.Millisecond)
		if *p.lag.P99 <= limits.ScheduleLag || *p.lag.P99 <= limits.ScheduleLagGapShare*gap {
			continue
		}
		reasons = append(reasons, suspect("schedule_lag", "the client was the bottleneck in the %s pass: requests went out "+
			"late by %.1f ms (p99) and %.1f ms at most, where %.0f ms%s are allowed; leave the client more CPU, or lower the "+
			"load", p.name, *p.lag.P99, *p.lag.Max, limits.ScheduleLag, gapClause(limits.ScheduleLagGapShare, gap)))
	}
	return reasons
}

func gapClause(share, gap float64) string {
	if gap == 0 {
		return ""
	}
	return fmt.Sprintf(" or %.3g %% of the mean gap between arrivals (%.1f ms)", share*100, gap)
}
