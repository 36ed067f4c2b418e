package config

import (
	"math"
	"time"
)

// longestSchedule keeps a misspelt rate from making a run that nobody will see the end of.
const longestSchedule = 365 * 24 * time.Hour

// checkArrivals looks at what the keys about the times of arrivals say together.
func (d *decoder) checkArrivals() {
	l := &d.config.Load
	if !d.isFree("load.request_rate") || !d.isFree("load.ramp") {
		return
	}
	steady := !math.IsInf(l.RequestRate, 1)
	if l.Ramp != nil && steady {
		d.report(d.near("load.ramp"), "load.ramp", "a ramp, and load.request_rate is %s; allowed one of them (request_rate: inf is none)",
			rateText(l.RequestRate))
	}
	if l.Ramp == nil && !steady {
		d.checkBurst()
		return
	}
	d.checkLength()
}

// checkBurst is about requests that are all sent at time 0.
func (d *decoder) checkBurst() {
	l := &d.config.Load
	const needs = "a finite load.request_rate or a load.ramp"
	if l.Burstiness != 1 && d.isFree("load.burstiness") {
		d.report(d.near("load.burstiness"), "load.burstiness", "all requests are sent at time 0, with no gaps to shape, got %s; allowed with %s, "+
			"else 1", rateText(l.Burstiness), needs)
	}
	if l.Duration > 0 && d.isFree("load.duration") {
		d.report(d.near("load.duration"), "load.duration", "all requests are sent at time 0, before any time is over, got %s; "+
			"allowed with %s; without, say in dataset.num_requests how many are sent", durationText(l.Duration), needs)
	}
}

func (d *decoder) checkLength() {
	c := d.config
	path, speed := "load.request_rate", "low"
	if c.Load.Ramp != nil {
		path, speed = "load.ramp", "slow"
	}
	if c.Load.lasts(c.Dataset.NumRequests) > longestSchedule.Seconds() && d.isFree("dataset.num_requests") && d.isFree("load.duration") {
		d.report(d.near(path), path, "too %s for %d requests: the last would be sent after more than %d days", speed,
			c.Dataset.NumRequests, int(longestSchedule.Hours()/24))
	}
}

// lasts is how long, in seconds, the arrivals of n requests take on average; less than this only within a ramp.
func (l *Workload) lasts(n int) float64 {
	seconds := float64(n) / l.RequestRate
	if r := l.Ramp; r != nil {
		whole := r.Duration.Seconds()
		seconds = whole + max(0, float64(n)-(r.From+r.To)/2*whole)/r.To
	}
	if l.Duration > 0 {
		return min(seconds, l.Duration.Seconds())
	}
	return seconds
}
