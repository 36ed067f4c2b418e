package server

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// OOMKills is how many processes the kernel has killed in this process's memory cgroup because it was full; 0 where the
// system does not tell. It only ever grows, so a difference tells of a time.
func OOMKills() int { return oomKills("/") }

// oomKills reads memory.events of cgroup v2, or memory.oom_control of v1, below root.
func oomKills(root string) int {
	groups, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0":
			if n, ok := oomKillField(filepath.Join(root, "sys/fs/cgroup", parts[2], "memory.events")); ok {
				return n
			}
		case parts[1] == "memory":
			if n, ok := oomKillField(filepath.Join(root, "sys/fs/cgroup/memory", parts[2], "memory.oom_control")); ok {
				return n
			}
		}
	}
	// In a container the group's own path is not mounted; its files are at the top.
	n, _ := oomKillField(filepath.Join(root, "sys/fs/cgroup/memory.events"))
	return n
}

// oomKillField reads the line "oom_kill N" of a file.
func oomKillField(path string) (int, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			n, err := strconv.Atoi(value)
			return n, err == nil
		}
	}
	return 0, false
}
