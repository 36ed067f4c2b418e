package selftest

import (
	"slices"
	"testing"
	"time"
)

// Streams begin at one rate, and their phases leave no gap in the interval.
func TestBeginnings(t *testing.T) {
	for _, tt := range []struct {
		streams  int
		interval time.Duration
	}{{1, 20 * time.Millisecond}, {64, 20 * time.Millisecond}, {1024, 20 * time.Millisecond}, {10_000, 200 * time.Millisecond}} {
		rampUp := time.Duration(tt.streams) * time.Second / startRate
		offsets := beginnings(tt.streams, rampUp, tt.interval)
		if !slices.IsSorted(offsets) || offsets[0] < 0 || len(offsets) != tt.streams {
			t.Fatalf("%d streams: got %v", tt.streams, offsets)
		}
		if got := offsets[tt.streams-1]; got > rampUp+tt.interval || got < rampUp-2*tt.interval {
			t.Errorf("%d streams: the last after %v, want about %v", tt.streams, got, rampUp)
		}
		phases := make([]time.Duration, 0, tt.streams+1)
		for _, at := range offsets {
			phases = append(phases, at%tt.interval)
		}
		slices.Sort(phases)
		phases = append(phases, phases[0]+tt.interval)
		for i := range tt.streams {
			// The three-distance theorem: no gap is more than 1 + the golden section times as wide as an even one, twice.
			if gap, even := phases[i+1]-phases[i], tt.interval/time.Duration(tt.streams); gap > 3*even {
				t.Errorf("%d streams: a gap of %v, where %v are even", tt.streams, gap, even)
			}
		}
	}
}
