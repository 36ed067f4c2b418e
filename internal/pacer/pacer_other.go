//go:build !linux

package pacer

import "context"

// New returns the best Wait of this system, and a function that frees it.
func New(ctx context.Context) (Wait, func(), error) { return Timer(ctx) }
