package server

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

// socket is a listening socket.
type socket struct {
	address netip.AddrPort
	// inode is what the descriptors of its owners point to.
	inode string
}

// listener finds the process that listens on host:port, or nil if it is not to be seen: another user's, or in another
// container.
func listener(host string, port int) *Proc {
	wanted := addresses(host)
	inodes := map[string]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		sockets, err := parseSockets(string(data))
		if err != nil {
			continue
		}
		for _, s := range sockets {
			if int(s.address.Port()) == port && s.conflicts(wanted) {
				inodes["socket:["+s.inode+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return nil
	}
	return owner(inodes)
}

// addresses returns what host stands for; none for all interfaces.
func addresses(host string) []netip.Addr {
	if host == "" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}
	}
	ips, err := net.LookupIP(host)
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, ip := range ips {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, addr.Unmap())
		}
	}
	return out
}

// conflicts tells whether the socket is in the way of one that listens on any of wanted (none: on all interfaces).
func (s socket) conflicts(wanted []netip.Addr) bool {
	if len(wanted) == 0 || s.address.Addr().IsUnspecified() {
		return true
	}
	return slices.ContainsFunc(wanted, func(a netip.Addr) bool { return a.IsUnspecified() || a == s.address.Addr() })
}

// owner returns the process that has one of the inodes ("socket:[N]") open. All descriptors of all processes are looked at,
// which takes milliseconds.
func owner(inodes map[string]bool) *Proc {
	// Glob fails only on a bad pattern.
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err != nil || !inodes[target] {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err != nil {
			continue
		}
		if p, err := readProc(pid); err == nil {
			p.Command = commandLine(pid, p.Command)
			return &p
		}
	}
	return nil
}

// parseSockets reads the listening sockets from a table in the format of /proc/net/tcp and /proc/net/tcp6.
func parseSockets(table string) ([]socket, error) {
	var sockets []socket
	for i, line := range strings.Split(table, "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) < 10 || fields[3] != listening {
			continue
		}
		address, err := parseAddress(fields[1])
		if err != nil {
			return nil, fmt.Errorf("socket table, line %d: %w", i+1, err)
		}
		sockets = append(sockets, socket{address: address, inode: fields[9]})
	}
	return sockets, nil
}

// parseAddress reads "0100007F:1F90": an address as words of 32 bits in the machine's byte order, and a port.
func parseAddress(text string) (netip.AddrPort, error) {
	ipText, portText, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(ipText)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w", text, err)
	}
	port, err := strconv.ParseUint(portText, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w", text, err)
	}
	for word := ip; len(word) >= 4; word = word[4:] {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w", text, errors.New("want 4 or 16 bytes"))
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}
