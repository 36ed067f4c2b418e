package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stampReader reads a socket by recvmsg, which gives the time at which the kernel received the bytes beside them. It is
// for one reader at a time, as a connection's Read is. Nothing is allocated for a read.
type stampReader struct {
	raw  syscall.RawConn
	once func(fd uintptr) bool

	// The arguments and results of a read.
	msg     unix.Msghdr
	iov     unix.Iovec
	control [8]uint64 // aligned as the kernel's headers are; three stamps and their header have 64 bytes
	n       int
	errno   syscall.Errno
}

// newStampReader has the kernel stamp what a connection receives. The error says why it does not: the connection is no
// socket, or the kernel refuses.
func newStampReader(c net.Conn) (*stampReader, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("the connection is no socket")
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPING,
			unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE)
	})
	if err = errors.Join(err, refused); err != nil {
		return nil, fmt.Errorf("setting SO_TIMESTAMPING: %w", err)
	}
	r := &stampReader{raw: raw}
	r.once = r.receive
	r.msg.Iov = &r.iov
	r.msg.SetIovlen(1)
	return r, nil
}

// read is a Read of the connection. kernel is when the kernel received the last of its bytes, in nanoseconds since 1970 by
// CLOCK_REALTIME; 0 where it did not say.
func (r *stampReader) read(p []byte) (n int, kernel int64, err error) {
	if len(p) == 0 {
		return 0, 0, nil
	}
	r.iov.Base = &p[0]
	r.iov.SetLen(len(p))
	err = r.raw.Read(r.once)
	r.iov.Base = nil
	switch {
	case err != nil:
		return 0, 0, err
	case r.errno != 0:
		return 0, 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("recvmsg", r.errno)}
	case r.n == 0:
		return 0, 0, io.EOF
	}
	return r.n, r.stamp(), nil
}

// receive calls recvmsg; false asks to be called again when there is something to read. As it does not block, the scheduler is
// not told of the call, which would cost a few per cent of it.
func (r *stampReader) receive(fd uintptr) bool {
	for {
		r.msg.Control = (*byte)(unsafe.Pointer(&r.control))
		r.msg.SetControllen(int(unsafe.Sizeof(r.control)))
		n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.msg)), unix.MSG_DONTWAIT)
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		}
		r.n, r.errno = int(n), errno
		return true
	}
}

// stamp takes the software stamp out of the control message.
func (r *stampReader) stamp() int64 {
	left := unsafe.Slice((*byte)(unsafe.Pointer(&r.control)), int(r.msg.Controllen))
	for len(left) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(left)
		if err != nil {
			return 0
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPING {
			return nanoseconds(data)
		}
		left = rest
	}
	return 0
}

// nanoseconds reads the first timespec of a control message, in whichever word size the kernel has it.
func nanoseconds(data []byte) int64 {
	const word = int(unsafe.Sizeof(uintptr(0)))
	switch {
	case word == 8 && len(data) >= 16:
		return int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:]))
	case word == 4 && len(data) >= 8:
		return int64(int32(binary.NativeEndian.Uint32(data)))*1e9 + int64(int32(binary.NativeEndian.Uint32(data[4:])))
	}
	return 0
}
