//go:build !linux

package simulator

import "context"

// newPacer returns the best pacer of this system and a function that frees it.
func newPacer(ctx context.Context) (pacer, func(), error) {
	return newTimerPacer(ctx), func() {}, nil
}
