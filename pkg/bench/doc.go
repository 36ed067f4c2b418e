// Package bench decides when requests are sent and keeps a Record of each.
//
// Schedule turns Arrivals (a rate or a ramp, a burstiness, a seed) into offsets from one start, before anything is sent. Run
// follows them: one dispatcher waits for the next offset and, where the concurrency is bounded, for a slot; the request itself
// runs in a goroutine of its own; its Record goes through a channel that has room for all of them to one sink, which appends a
// JSON line. So a slow disk delays no request, and a late request moves no other one.
package bench
