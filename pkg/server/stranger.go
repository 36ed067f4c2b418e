package server

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// Listener is a listening socket and who has it.
type Listener struct {
	// Address is where it listens, as ADDRESS:PORT.
	Address string
	// Owner is a process that has it open; nil when none is to be seen: that of another user, or in a container.
	Owner *Proc
	// User is the name of the user who opened it, or "uid N" where the number has no name; empty if it is not told.
	User string
}

// String names the listener for people.
func (l Listener) String() string {
	who := "a process that is not to be seen from here (of another user, or in a container)"
	if l.Owner != nil {
		who = l.Owner.String()
	}
	if l.User != "" {
		who += " of user " + l.User
	}
	return who + " on " + l.Address
}

// StrangerError says that it is not, or not only, our server that listens on its port.
type StrangerError struct {
	Host string
	Port int
	// Strangers are the listeners that do not belong to the server; empty when nothing listens there at all.
	Strangers []Listener
	// Ours tells that the server listens there as well: connections are shared out between it and the strangers.
	Ours bool
	// Earlier tells that every stranger is to be seen and is older than the process that was started for the server. A server that
	// this process had somebody else start, as in a container, is younger.
	Earlier bool
}

// Unknown tells that no listener is known to be a stranger, but the owner of at least one is not to be seen. For a server in a
// container this is as much as can be known.
func (e *StrangerError) Unknown() bool {
	for _, s := range e.Strangers {
		if s.Owner != nil {
			return false
		}
	}
	return len(e.Strangers) > 0
}

// Shared tells whether connections may be shared out between several servers: two of the listeners have the same address. If
// they have not, whoever answered once is who always answers.
func (e *StrangerError) Shared() bool {
	seen := map[string]bool{}
	for _, s := range e.Strangers {
		if seen[s.Address] {
			return true
		}
		seen[s.Address] = true
	}
	return e.Ours
}

func (e *StrangerError) Error() string {
	where := hostPort(e.Host, e.Port)
	if len(e.Strangers) == 0 {
		return "nothing is seen to listen on " + where + ", not even the server"
	}
	names := make([]string, len(e.Strangers))
	for i, s := range e.Strangers {
		names[i] = s.String()
	}
	text := "not the server but "
	if e.Ours {
		text = "besides the server "
	}
	return fmt.Sprintf("%s: %s%s listens there", where, text, strings.Join(names, ", "))
}

// userName returns the name of a user, "uid N" where there is none, and "" for a negative number.
func userName(uid int) string {
	if uid < 0 {
		return ""
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}
