package orchestrate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
)

func TestLocalPorts(t *testing.T) {
	const file = "proc/sys/net/ipv4/ip_local_port_range"
	for _, tt := range []struct {
		host, ports           string
		requests, concurrency int
		want                  []string
	}{
		{"127.0.0.1", "32768\t60999\n", 100_000, 0, []string{}},
		{"10.0.0.1", "32768\t60999\n", 21_174, 0, []string{}},
		{"10.0.0.1", "32768\t60999\n", 100_000, 1000, []string{}},
		{"10.0.0.1", "32768\t60999\n", 21_175, 0, []string{"exit 1 [local_ports] 21175 connections to 10.0.0.1 need as many local " +
			"ports, and 21174 of the 28232 that this system has for it can be used"}},
		{"10.0.0.1", "", 100_000, 0, []string{}},
	} {
		c := checkerOf(t, machineOf(file, tt.ports), tt.requests)
		c.cfg.Server.Host, c.cfg.Load.Concurrency = tt.host, tt.concurrency
		c.localPorts()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%s, %q, %d requests (-want +got):\n%s", tt.host, tt.ports, tt.requests, diff)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		meminfo  string
		requests int
		want     []string
	}{
		// 1000 streams of 64 KiB, each with 10 prompt tokens of 7 bytes and 1024 output tokens of 24.
		{"MemTotal: 1 kB\nMemAvailable:  88069 kB\n", 1000, []string{}},
		{"MemTotal: 1 kB\nMemAvailable:  88068 kB\n", 1000, []string{"warning [memory] the client needs about 86 MiB for 1000 requests " +
			"at once, and 86 MiB are free"}},
		{"MemTotal: 1 kB\n", 1_000_000, []string{}},
	} {
		c := checkerOf(t, machineOf("proc/meminfo", tt.meminfo), tt.requests)
		for i := range c.found.Inputs.Prompts.Prompts {
			c.found.Inputs.Prompts.Prompts[i] = dataset.Prompt{Row: i, IDs: make([]int32, 10)}
		}
		c.cfg.Load.MaxOutputLen = 1024
		c.memory()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%q, %d requests (-want +got):\n%s", tt.meminfo, tt.requests, diff)
		}
	}
}
