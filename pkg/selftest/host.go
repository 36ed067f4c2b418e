package selftest

import (
	"bufio"
	"os"
	"runtime"
	"strings"
)

// Host says which machine a result is of.
type Host struct {
	Hostname string `json:"hostname"`
	CPUModel string `json:"cpu_model,omitempty"`
	CPUs     int    `json:"cpus"`
	Kernel   string `json:"kernel,omitempty"`
}

// ThisHost is this machine. What cannot be found out stays empty.
func ThisHost() Host {
	h := Host{CPUs: runtime.NumCPU(), CPUModel: cpuModel()}
	h.Hostname, _ = os.Hostname()
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	h.Kernel = strings.TrimSpace(string(release))
	return h
}

// same tells whether a result of the other host is one of this host: another kernel, or a process that may use fewer processors,
// does not make another box of it.
func (h Host) same(other Host) bool {
	return h.Hostname == other.Hostname && h.CPUModel == other.CPUModel
}

func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
