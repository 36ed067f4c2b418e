package client

import (
	"context"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// portAtConnect has the system choose the local port when the connection is made, and not when its address is bound: only
// then may ports be shared by connections to different servers.
func portAtConnect(_ context.Context, _, _ string, raw syscall.RawConn) error {
	var refused error
	err := raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, refused)
}
