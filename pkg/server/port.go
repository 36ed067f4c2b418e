package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

// The range that FreePort draws from. Note: it lies below the ports that systems hand out for outgoing connections (from
// 32768 on Linux, 49152 on macOS), since vLLM binds its port only some 20 s after it was launched, and until then any outgoing
// connection of the machine, vLLM's own included, could be given a port from that range.
const (
	firstFreePort = 20000
	freePorts     = 10000
	freePortTries = 100
)

// dialTimeout bounds one attempt to connect to a port that ought to be free.
const dialTimeout = time.Second

// PortInUseError says that something else has the port.
type PortInUseError struct {
	Host string
	Port int
	// Owner is the process that listens on the port, nil when the system does not tell.
	Owner *Proc
}

func (e *PortInUseError) Error() string {
	text := hostPort(e.Host, e.Port) + " is already in use"
	if e.Owner != nil {
		text += " by " + e.Owner.String()
	}
	return text
}

// FreePort returns a port on host (a name or an address; empty for all interfaces) that nothing listens on. It stays free
// only as long as nobody else takes it.
func FreePort(host string) (int, error) {
	var err error
	for range freePortTries {
		port := firstFreePort + rand.IntN(freePorts)
		if err = CheckPort(host, port); err == nil {
			return port, nil
		}
		var used *PortInUseError
		if !errors.As(err, &used) {
			return 0, fmt.Errorf("finding a free port: %w", err)
		}
	}
	return 0, fmt.Errorf("finding a free port: %d tries, the last: %w", freePortTries, err)
}

// CheckPort tells whether a server could listen on host:port. It tries to listen and, since a server that shares its port
// (SO_REUSEPORT) or listens on one of several interfaces need not be in the way of that, to connect as well. The error is a
// *PortInUseError when something else has the port, and any other when the address itself is no good.
func CheckPort(host string, port int) error {
	l, err := net.Listen("tcp", hostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortInUseError{Host: host, Port: port, Owner: listener(host, port)}
	}
	if err != nil {
		return fmt.Errorf("checking port %s: %w", hostPort(host, port), err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("checking port %s: %w", hostPort(host, port), err)
	}
	for _, reachable := range reachableAt(host) {
		if connects(hostPort(reachable, port)) {
			return &PortInUseError{Host: host, Port: port, Owner: listener(host, port)}
		}
	}
	return nil
}

// connects tells whether somebody accepts a connection at address.
func connects(address string) bool {
	conn, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return false
	}
	defer conn.Close()
	// A connection to a port of the ephemeral range can, by chance, be given that very port and meet itself.
	return conn.LocalAddr().String() != conn.RemoteAddr().String()
}

// reachableAt returns the hosts to connect to in order to reach whatever listens on host: for all interfaces the loopback
// addresses of both protocols, since a client that says "localhost" may mean either.
func reachableAt(host string) []string {
	ip := net.ParseIP(host)
	if host == "" || ip != nil && ip.IsUnspecified() {
		return []string{"127.0.0.1", "::1"}
	}
	return []string{host}
}

// awaitPort waits until host:port is free, which closing sockets may take a moment to bring about.
func awaitPort(ctx context.Context, host string, port int) error {
	for delay := firstSweep; ; delay = min(2*delay, lastSweep) {
		err := CheckPort(host, port)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}
