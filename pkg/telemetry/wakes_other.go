//go:build !linux

package telemetry

import "time"

// sleepUntil sleeps on the runtime's timers.
func sleepUntil(until time.Time) { time.Sleep(time.Until(until)) }
