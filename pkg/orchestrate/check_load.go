package orchestrate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// localPorts holds the connections, which are all made from here, against the ephemeral ports of this machine.
func (c *checker) localPorts() {
	ports := client.PortsIn(c.machine.text("proc/sys/net/ipv4/ip_local_port_range"))
	if _, err := client.SourceAddresses(c.cfg.Server.Host, c.atOnce(), ports); err != nil {
		c.error(ExitInternal, checkLocalPorts, err.Error(), "widen the range (sysctl net.ipv4.ip_local_port_range, as root), "+
			"bound load.concurrency, or have the server listen on 127.0.0.1, which is reached from more than one address")
	}
}

// What the client needs in memory, in bytes: for each stream its connection, its buffers and its goroutines, for each token of
// a prompt the body that is encoded before the clock starts, for each output token the stamps that are kept until the end.
const (
	streamBytes      = 64 << 10
	promptTokenBytes = 7
	chunkMemoryBytes = 24
)

// memory holds what the client will need against what is free.
func (c *checker) memory() {
	free, known := c.machine.freeMemory()
	if c.found.Inputs == nil || !known {
		return
	}
	set := c.found.Inputs.Prompts
	need := int64(c.atOnce())*streamBytes + int64(set.Tokens())*promptTokenBytes +
		int64(len(set.Prompts))*int64(c.cfg.Load.MaxOutputLen)*chunkMemoryBytes
	if need <= free {
		return
	}
	c.warn(checkMemory, fmt.Sprintf("the client needs about %s for %d requests at once, and %s are free", size(need), c.atOnce(), size(free)),
		"free some memory, or lower load.concurrency or dataset.num_requests")
}

// freeMemory is how many bytes can be had without swapping.
func (m machine) freeMemory() (bytes int64, known bool) {
	kb, ok := strings.CutSuffix(field(m.text("proc/meminfo"), "MemAvailable"), " kB")
	n, err := strconv.ParseInt(strings.TrimSpace(kb), 10, 64)
	return n * 1024, ok && err == nil
}
