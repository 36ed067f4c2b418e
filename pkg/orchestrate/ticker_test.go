package orchestrate

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRateMeterLooksBackAWindow(t *testing.T) {
	var m rateMeter
	if got := m.add(0, 0); got != 0 {
		t.Errorf("first sample: got %v, want 0", got)
	}
	if got := m.add(2*time.Second, 200); got != 100 {
		t.Errorf("after 2 s: got %v, want 100", got)
	}
	m.add(8*time.Second, 200)
	if got := m.add(10*time.Second, 1200); got != 500 {
		t.Errorf("after a pause: got %v, want 500 (1000 tokens since 8 s)", got)
	}
}

func TestETA(t *testing.T) {
	tests := []struct {
		elapsed     time.Duration
		done, total int64
		want        time.Duration
	}{
		{10 * time.Second, 0, 4, 0},
		{10 * time.Second, 1, 4, 30 * time.Second},
		{10 * time.Second, 4, 4, 0},
	}
	for _, tt := range tests {
		if got := eta(tt.elapsed, tt.done, tt.total); got != tt.want {
			t.Errorf("eta(%v, %d, %d): got %v, want %v", tt.elapsed, tt.done, tt.total, got, tt.want)
		}
	}
}

func TestEveryStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		stop := every(func() { n++ })
		time.Sleep(10*tickEvery + tickEvery/2) // virtual time
		stop()
		if n != 11 {
			t.Errorf("calls in 10.5 intervals: got %d, want 11", n)
		}
		time.Sleep(5 * tickEvery)
		if n != 11 {
			t.Errorf("calls after stop: got %d, want 11 still", n)
		}
	})
}
