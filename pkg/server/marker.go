package server

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// MarkerName is the environment variable that every process of a server inherits from its launch. Its value is different for
// every launch and says whose it is.
const MarkerName = "SQZB_LAUNCH"

// marker is the value of MarkerName.
type marker struct {
	// launch is a random name.
	launch string
	// orchestrator started the server.
	orchestrator identity
	// namespace is the number of the pid namespace in which the orchestrator has that number.
	namespace uint64
}

func newMarker(orchestrator identity, namespace uint64) marker {
	return marker{launch: strings.ToLower(rand.Text()), orchestrator: orchestrator, namespace: namespace}
}

func (m marker) String() string {
	return fmt.Sprintf("%s.%d.%d.%d", m.launch, m.orchestrator.PID, m.orchestrator.Start, m.namespace)
}

// parseMarker reads what String wrote.
func parseMarker(value string) (marker, error) {
	parts := strings.Split(value, ".")
	if len(parts) != 4 || parts[0] == "" || strings.Trim(parts[0], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return marker{}, fmt.Errorf("launch marker %.80q: want NAME.PID.START.NAMESPACE", value)
	}
	m := marker{launch: parts[0]}
	var err error
	if m.orchestrator.PID, err = strconv.Atoi(parts[1]); err != nil || m.orchestrator.PID <= 0 {
		return marker{}, fmt.Errorf("launch marker %.80q: %q is no process", value, parts[1])
	}
	if m.orchestrator.Start, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
		return marker{}, fmt.Errorf("launch marker %.80q: %q is no start time", value, parts[2])
	}
	if m.namespace, err = strconv.ParseUint(parts[3], 10, 64); err != nil {
		return marker{}, fmt.Errorf("launch marker %.80q: %q is no pid namespace", value, parts[3])
	}
	return m, nil
}

// marked returns env with the marker in place of any that it inherited.
func marked(env []string, value string) []string {
	out := make([]string, 0, len(env)+1)
	for _, entry := range env {
		if !strings.HasPrefix(entry, MarkerName+"=") {
			out = append(out, entry)
		}
	}
	return append(out, MarkerName+"="+value)
}
