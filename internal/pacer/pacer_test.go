package pacer

import (
	"context"
	"testing"
	"time"
)

var ways = map[string]func(context.Context) (Wait, func(), error){"New": New, "Timer": Timer}

func TestWait(t *testing.T) {
	for name, way := range ways {
		wait, free, err := way(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		start := time.Now()
		for _, d := range []time.Duration{-time.Hour, 0, 1, 3 * time.Millisecond, 2 * time.Millisecond, 20 * time.Millisecond} {
			until := start.Add(d)
			if err := wait(until); err != nil || time.Now().Before(until) {
				t.Errorf("%s until %v: back after %v, %v", name, d, time.Since(start), err)
			}
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	for name, way := range ways {
		ctx, cancel := context.WithCancel(t.Context())
		wait, free, err := way(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		time.AfterFunc(time.Millisecond, cancel)
		if err := wait(time.Now().Add(time.Hour)); err == nil {
			t.Errorf("%s: waited for an hour", name)
		}
		if err := wait(time.Now().Add(-time.Hour)); err == nil {
			t.Errorf("%s: an instant that has passed, after the end: got no error", name)
		}
	}
}
