package client

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// SourceAddresses are the local addresses from which connections to host are made in turn, for n of them at once on a system
// with so many ephemeral ports: none, which leaves the choice to the system, where one address has ports enough. Beyond that
// a server on 127.0.0.1 is reached from 127.0.0.1, 127.0.0.2 and so on; for any other the error says what is short.
//
// Note: a quarter of the ports is left to others, and because a system that has to look for the last free port is slow.
func SourceAddresses(host string, n, ports int) ([]netip.Addr, error) {
	each := ports - ports/4
	if ports <= 0 || n <= each {
		return nil, nil
	}
	if !loopback4(host) {
		return nil, fmt.Errorf("%d connections to %s need as many local ports, and %d of the %d that this system has for it "+
			"can be used", n, host, each, ports)
	}
	count := (n + each - 1) / each
	if count > maxSources {
		return nil, fmt.Errorf("%d connections need as many local ports, and each of at most %d local addresses has %d", n, maxSources, each)
	}
	list := make([]netip.Addr, count)
	for i := range list {
		list[i] = netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)})
	}
	return list, nil
}

// maxSources bounds the addresses to those of 127.0.0.0/24.
const maxSources = 254

// loopback4 reports whether a host is reached by the loopback device and IPv4.
func loopback4(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is4() && ip.IsLoopback()
}

// localPorts is how many ephemeral ports there are for each local address, 0 where that is not known.
func localPorts() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	return PortsIn(string(text))
}

// PortsIn is how many ports a range such as "32768 60999" has, as the kernel writes it; 0 for what is none.
func PortsIn(text string) int {
	bounds := strings.Fields(text)
	if len(bounds) != 2 {
		return 0
	}
	low, err := strconv.Atoi(bounds[0])
	high, also := strconv.Atoi(bounds[1])
	if err != nil || also != nil || low > high {
		return 0
	}
	return high - low + 1
}

// dialFrom dials from one of the addresses after the other; from whichever the system chooses without any.
func dialFrom(addresses []netip.Addr) dialFunc {
	if len(addresses) == 0 {
		dialer := net.Dialer{Timeout: dialTimeout}
		return dialer.DialContext
	}
	var next atomic.Int64
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		from := addresses[int(next.Add(1)-1)%len(addresses)]
		dialer := net.Dialer{Timeout: dialTimeout, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
			ControlContext: portAtConnect}
		return dialer.DialContext(ctx, network, address)
	}
}
