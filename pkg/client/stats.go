package client

import "context"

// chooseStamps decides whose stamps are used, by a probe.
func (c *Client) chooseStamps(o Options) {
	if o.UserStamps {
		c.unprobed = "asked for"
		return
	}
	probe, err := newStampProbe(context.Background())
	if err != nil {
		c.unprobed = err.Error()
		return
	}
	c.probe = probe
	c.clockSet, _ = watchClock(c.wall.check) // without, a step is found when something is received
}

// Stats are what a Client has done so far.
type Stats struct {
	// Stamps is whose clock stamps what is received, Why the reason where it is not the kernel's.
	Stamps Stamps
	Why    string
	// Connections counts those that were opened.
	Connections int64
	// ClockSteps counts how often the wall clock, which the kernel's stamps are by, was set. A stamp beside
	// a step is dropped when it is not clear on which side it was made.
	ClockSteps int64
}

// Stamps names who stamps what is received.
type Stamps string

// The sources of receive stamps.
const (
	StampsKernel Stamps = "kernel" // SO_TIMESTAMPING: when the kernel received the bytes
	StampsUser   Stamps = "user"   // when this program had read them
)

// Stats returns what this client has done so far.
func (c *Client) Stats() Stats {
	s := Stats{Stamps: StampsKernel, Connections: c.connections.Load(), ClockSteps: c.wall.steps.Load()}
	if c.probe == nil {
		s.Stamps, s.Why = StampsUser, c.unprobed
	}
	return s
}
