//go:build !linux

package metronome

import (
	"context"
	"net"
)

// Serve serves until ctx ends and returns what it sent. It closes the listener. Streams that are under way are cut then.
func Serve(ctx context.Context, l net.Listener, o Options) ([]*Request, error) {
	return servePlain(ctx, l, o)
}
