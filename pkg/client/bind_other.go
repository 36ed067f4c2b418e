//go:build !linux

package client

import (
	"context"
	"syscall"
)

// portAtConnect does nothing where the system has no such choice.
func portAtConnect(context.Context, string, string, syscall.RawConn) error { return nil }
