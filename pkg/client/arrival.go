package client

import "time"

// arrival is when bytes came: the instant that stamps what was in them.
type arrival struct {
	// at is the kernel's receive stamp on the client's monotonic clock, or the user stamp where there is no kernel stamp.
	at time.Time
	// lag is user − kernel: how long the bytes lay there before this program had them. It is negative where there is no
	// kernel stamp.
	lag time.Duration
	// read counts the reads of the request's connection: what has the same number came out of one read and shares its stamp.
	read int64
}

// noLag is the lag of an arrival without a kernel stamp.
const noLag time.Duration = -1
