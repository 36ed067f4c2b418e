package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MarkerName is the environment variable that every process of a server inherits from its launch. Its value is different for
// every launch and says whose it is.
const MarkerName = "SQZB_LAUNCH"

// marker is the value of MarkerName.
type marker struct {
	// launch is a name that begins with the folderKey of the folder in which the launch is noted; the rest is random.
	launch string
	// orchestrator started the server.
	orchestrator identity
	// namespace is the number of the pid namespace in which the orchestrator has that number.
	namespace uint64
}

func newMarker(orchestrator identity, namespace uint64, stateDir string) marker {
	return marker{launch: folderKey(stateDir) + strings.ToLower(rand.Text()), orchestrator: orchestrator, namespace: namespace}
}

// folderKey stands for a state folder in the markers of its launches, so that whoever looks after one folder leaves the launches
// of another alone, such as those of a test.
func folderKey(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil && dir != "" {
		dir = abs
	}
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:4])
}

// notedIn tells whether the launch is one of those that are noted in any of the folders.
func (m marker) notedIn(dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(m.launch, folderKey(dir)) })
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
