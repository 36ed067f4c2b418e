package orchestrate

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// hostFacts describes this machine. What cannot be found out stays empty.
func hostFacts() report.Host {
	h := report.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	h.Hostname, _ = os.Hostname()
	h.Kernel = strings.TrimSpace(readText("/proc/sys/kernel/osrelease"))
	h.CPUModel = field(readText("/proc/cpuinfo"), "model name")
	if kb, ok := strings.CutSuffix(field(readText("/proc/meminfo"), "MemTotal"), " kB"); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(kb), 10, 64)
		if err == nil {
			h.MemoryBytes = n * 1024
		}
	}
	return h
}

func readText(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

// field returns the value of the first "name : value" line of text.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
