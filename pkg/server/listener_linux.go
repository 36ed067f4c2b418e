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
	// uid is the user who opened it, −1 if it is not told.
	uid int
}

// link is what a descriptor of the socket reads as.
func (s socket) link() string { return "socket:[" + s.inode + "]" }

// listener finds the process that listens on host:port, or nil if it is not to be seen: another user's, or in another
// container.
func listener(host string, port int) *Proc {
	links := map[string]bool{}
	for _, s := range socketsOn(host, port) {
		links[s.link()] = true
	}
	if len(links) == 0 {
		return nil
	}
	for _, p := range owners(links, nil) {
		return &p
	}
	return nil
}

// socketsOn returns the listening sockets that a client of host:port may reach.
func socketsOn(host string, port int) []socket {
	wanted := addresses(host)
	var found []socket
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
				found = append(found, s)
			}
		}
	}
	return found
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

// owners returns a process that has it open for each of the links ("socket:[N]") that one is seen to have. The processes of
// first are looked at before all others, which may take a while: all descriptors of all processes.
func owners(links map[string]bool, first []Proc) map[string]Proc {
	found := map[string]Proc{}
	look := func(p Proc) {
		for _, link := range descriptors(p.PID) {
			if _, known := found[link]; links[link] && !known {
				p.Command = commandLine(p.PID, p.Command)
				found[link] = p
			}
		}
	}
	for _, p := range first {
		look(p)
	}
	if len(found) == len(links) {
		return found
	}
	all, err := processes()
	if err != nil {
		return found
	}
	for _, p := range all {
		look(p)
	}
	return found
}

// descriptors returns what the descriptors of a process point to; nil for a process of another user.
func descriptors(pid int) []string {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var targets []string
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil {
			targets = append(targets, target)
		}
	}
	return targets
}

// holds tells whether a process has any of the links open.
func holds(pid int, links map[string]bool) bool {
	return slices.ContainsFunc(descriptors(pid), func(link string) bool { return links[link] })
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
		uid, err := strconv.Atoi(fields[7])
		if err != nil {
			uid = -1
		}
		sockets = append(sockets, socket{address: address, inode: fields[9], uid: uid})
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
