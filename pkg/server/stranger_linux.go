package server

import "slices"

// ListenOwners returns who listens where a client of host:port may be answered, nil for nobody. host is a name or an address,
// empty for all interfaces. It sees the network of this process only, not that of a container.
func ListenOwners(host string, port int) []Listener {
	return listeners(socketsOn(host, port), nil)
}

func listeners(sockets []socket, first []Proc) []Listener {
	links := map[string]bool{}
	for _, s := range sockets {
		links[s.link()] = true
	}
	found := owners(links, first)
	var out []Listener
	for _, s := range sockets {
		l := Listener{Address: s.address.String(), User: userName(s.uid)}
		if owner, seen := found[s.link()]; seen {
			l.Owner = &owner
		}
		out = append(out, l)
	}
	return out
}

// OwnsPort returns nil when every socket that a client of the server's host and port may be answered by is open in a process
// of the server, and a *StrangerError otherwise. It says nothing, nil, of a server whose Options.Port is 0.
func (p *Process) OwnsPort() error {
	if p.opts.Port == 0 {
		return nil
	}
	sockets := socketsOn(p.opts.Host, p.opts.Port)
	members, err := p.tree.members()
	if err != nil {
		return err
	}
	stranger := &StrangerError{Host: p.opts.Host, Port: p.opts.Port}
	started := uint64(0)
	if i := slices.IndexFunc(members, func(m Proc) bool { return m.PID == p.PID() }); i >= 0 {
		started = members[i].StartTicks
	}
	for _, l := range listeners(sockets, members) {
		if l.Owner != nil && slices.ContainsFunc(members, func(m Proc) bool { return m.id() == l.Owner.id() }) {
			stranger.Ours = true
			continue
		}
		stranger.Strangers = append(stranger.Strangers, l)
	}
	if stranger.Ours && len(stranger.Strangers) == 0 {
		return nil
	}
	stranger.Earlier = len(stranger.Strangers) > 0 && !slices.ContainsFunc(stranger.Strangers, func(l Listener) bool {
		return l.Owner == nil || l.Owner.StartTicks >= started
	})
	return stranger
}

// listens tells whether any of procs listens on the server's port.
func (p *Process) listens(procs []Proc) bool {
	if p.opts.Port == 0 {
		return false
	}
	links := map[string]bool{}
	for _, s := range socketsOn(p.opts.Host, p.opts.Port) {
		links[s.link()] = true
	}
	return len(links) > 0 && slices.ContainsFunc(procs, func(m Proc) bool { return holds(m.PID, links) })
}
