package simulator

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// boundSocket is a TCP socket that has its port but is not listened on yet: connections are refused, and nobody else can
// listen on the port, as with a vLLM that loads its model.
type boundSocket struct {
	fd int
}

// bind takes a port of the host; an empty host means all addresses, port 0 any free port. A shared port can be taken and listened
// on by several servers that all share it. The caller ends with listen or close.
func bind(host string, port int, shared bool) (*boundSocket, error) {
	address, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("resolving the address to listen on: %w", err)
	}
	family, sockaddr := socketAddress(address)
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	unix.CloseOnExec(fd)
	s := &boundSocket{fd: fd}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		s.close()
		return nil, fmt.Errorf("setting SO_REUSEADDR: %w", err)
	}
	if shared {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			s.close()
			return nil, fmt.Errorf("setting SO_REUSEPORT: %w", err)
		}
	}
	if err := unix.Bind(fd, sockaddr); err != nil {
		s.close()
		return nil, fmt.Errorf("binding %s: %w", address, err)
	}
	return s, nil
}

func socketAddress(address *net.TCPAddr) (int, unix.Sockaddr) {
	if v4 := address.IP.To4(); v4 != nil || address.IP == nil {
		sockaddr := &unix.SockaddrInet4{Port: address.Port}
		copy(sockaddr.Addr[:], v4)
		return unix.AF_INET, sockaddr
	}
	sockaddr := &unix.SockaddrInet6{Port: address.Port}
	copy(sockaddr.Addr[:], address.IP.To16())
	return unix.AF_INET6, sockaddr
}

// backlog is uvicorn's: how many connections may wait to be accepted.
const backlog = 2048

// listen starts to take connections; after a success the listener owns the socket.
func (s *boundSocket) listen() (net.Listener, error) {
	if err := unix.Listen(s.fd, backlog); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return nil, fmt.Errorf("making the socket non-blocking: %w", err)
	}
	file := os.NewFile(uintptr(s.fd), "listener")
	s.fd = -1
	defer func() { _ = file.Close() }()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	return listener, nil
}

// close gives the port back; it may be called again.
func (s *boundSocket) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}
