package server

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// lineage is what proves that a process belongs to one launch. Nothing else is ever signalled.
//
// Note: no single evidence is enough. A daemon leaves its parent's family, a child may make a session of its own, and vLLM
// writes its process titles over the environment that the marker is in. Names are no evidence at all.
type lineage struct {
	// root is the guardian, whose descendants are ours and to which orphans come back; zero for none.
	root identity
	// leader is the server's first process. Its descendants are ours, and so is everything in its session.
	leader identity
	// marker is the value of MarkerName in the environment of ours; empty for none.
	marker string
	// spared are never ours, whatever speaks for it: those who look, and the orchestrator.
	spared []int

	mu sync.Mutex
	// adopter is who has got the guardian's orphans since that was killed: the orchestrator; zero before.
	adopter identity
	// known are those that were proven before: as long as they live they remain ours. The value tells whether their session
	// is evidence for others, too.
	known map[identity]bool
	// unmarked are those whose environment was found to lack the marker.
	unmarked map[identity]bool
}

// remember adds processes that were proven before, by somebody else.
func (l *lineage) remember(ids []identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.note(id, true)
	}
}

// adopt says that the guardian was killed and its orphans have become children of the orchestrator. Of these, those that came
// after the guardian and hide their environment are ours: all that the orchestrator starts itself shows its own.
func (l *lineage) adopt(orchestrator identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adopter = orchestrator
}

func (l *lineage) note(id identity, session bool) {
	if l.known == nil {
		l.known = map[identity]bool{}
	}
	l.known[id] = l.known[id] || session
}

// environment returns the value of the marker in the environment of process pid.
type environment func(pid int) (value string, state environState)

// environState is what is to be seen of an environment.
type environState int

const (
	// environUnread: there is no telling.
	environUnread environState = iota
	environRead
	// environHidden: the process has written over it.
	environHidden
)

// of returns those of all processes, zombies included, that belong to the launch, by pid. env may be nil: markers are not
// looked for then, which is a good deal cheaper.
func (l *lineage) of(all []Proc, env environment) []Proc {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newClaim(all, l.spared, l.root.PID)
	for _, p := range all {
		id := p.id()
		session, before := l.known[id]
		switch {
		case l.root.PID != 0 && id == l.root:
			c.proveChildren(p, true)
		case id == l.leader:
			c.prove(p, true)
		case before:
			c.prove(p, session)
		}
	}
	for _, p := range c.ours {
		l.note(p.id(), true)
	}
	if env != nil && l.marker != "" {
		l.claimMarked(c, all, env)
		l.claimAdopted(c, all, env)
		for _, p := range c.ours {
			l.note(p.id(), false)
		}
	}
	return slices.SortedFunc(maps.Values(c.ours), func(a, b Proc) int { return cmp.Compare(a.PID, b.PID) })
}

// claimMarked adds the processes that carry the marker, and their descendants.
func (l *lineage) claimMarked(c *claim, all []Proc, env environment) {
	for _, p := range all {
		if _, done := c.ours[p.PID]; done || c.spared[p.PID] || l.unmarked[p.id()] {
			continue
		}
		value, state := env(p.PID)
		if state == environRead && value == l.marker {
			c.prove(p, false)
			continue
		}
		// A process between fork and exec has no environment for a moment.
		if state == environRead {
			if l.unmarked == nil {
				l.unmarked = map[identity]bool{}
			}
			l.unmarked[p.id()] = true
		}
	}
}

// claimAdopted adds the guardian's orphans.
func (l *lineage) claimAdopted(c *claim, all []Proc, env environment) {
	for _, p := range all {
		if l.adopter.PID == 0 || p.PPID != l.adopter.PID || p.StartTicks < l.root.Start || l.unmarked[p.id()] {
			continue
		}
		if _, state := env(p.PID); state == environHidden {
			c.prove(p, true)
		}
	}
}

// claim is one look at all processes.
type claim struct {
	children, sessions map[int][]Proc
	spared             map[int]bool
	// foreign are the sessions of those who are spared.
	foreign map[int]bool
	ours    map[int]Proc
}

func newClaim(all []Proc, spared []int, root int) *claim {
	c := &claim{
		children: map[int][]Proc{}, sessions: map[int][]Proc{},
		// 1 is init. A session 0 is one outside of our view.
		spared: map[int]bool{0: true, 1: true, root: true}, foreign: map[int]bool{0: true},
		ours: map[int]Proc{},
	}
	for _, pid := range spared {
		c.spared[pid] = true
	}
	for _, p := range all {
		c.children[p.PPID] = append(c.children[p.PPID], p)
		c.sessions[p.SID] = append(c.sessions[p.SID], p)
		if c.spared[p.PID] {
			c.foreign[p.SID] = true
		}
	}
	return c
}

// prove claims p and its descendants and, if session says so, what shares a session with any of them: only a descendant of
// the process that made a session can be in it, and no session of ours was made by somebody else.
func (c *claim) prove(p Proc, session bool) {
	if _, done := c.ours[p.PID]; done || c.spared[p.PID] {
		return
	}
	c.ours[p.PID] = p
	c.proveChildren(p, session)
	if session && !c.foreign[p.SID] {
		for _, other := range c.sessions[p.SID] {
			c.prove(other, true)
		}
	}
}

// proveChildren claims the children of p. One that is older than its parent was read before the number of the parent changed
// hands.
func (c *claim) proveChildren(p Proc, session bool) {
	for _, child := range c.children[p.PID] {
		if child.StartTicks >= p.StartTicks {
			c.prove(child, session)
		}
	}
}
