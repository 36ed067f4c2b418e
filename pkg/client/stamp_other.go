//go:build !linux

package client

import (
	"errors"
	"net"
)

// stampReader reads a socket with the kernel's receive stamps, which this system has no way to ask for.
type stampReader struct{}

// newStampReader says that there are none.
func newStampReader(net.Conn) (*stampReader, error) {
	return nil, errors.New("this system has no receive stamps for TCP")
}

func (*stampReader) read([]byte) (n int, kernel int64, err error) { return 0, 0, errors.ErrUnsupported }
