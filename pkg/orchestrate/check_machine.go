package orchestrate

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// machine is what can be asked of a machine.
type machine struct {
	// root is its file system; only what is below proc and sys is read. What is not there is not known.
	root fs.FS
	// openFiles is how many files a process may have open at most; 0 for not known.
	openFiles uint64
	// free is how many bytes can be written below a folder, which is there.
	free func(dir string) (int64, error)
}

// thisMachine is the one that this program runs on.
func thisMachine() machine {
	m := machine{root: os.DirFS("/"), free: freeBytes}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		m.openFiles = uint64(limit.Max)
	}
	return m
}

// freeBytes is how many bytes this user can still write below a folder.
func freeBytes(dir string) (int64, error) {
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return 0, fmt.Errorf("writing into %s: %w", dir, err)
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return int64(min(stat.Bavail, math.MaxInt64/uint64(max(stat.Bsize, 1)))) * int64(stat.Bsize), nil
}

func (m machine) text(name string) string {
	data, err := fs.ReadFile(m.root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// Files that a process has open besides its connections: of this program at least, and of a server that uses GPUs.
const (
	ownFiles    = 32
	serverFiles = 256
)

// openFiles holds the limit against the connections, which are all opened before the first request is sent.
func (c *checker) openFiles() {
	limit := c.machine.openFiles
	if limit == 0 {
		return
	}
	atOnce := c.atOnce()
	text := fmt.Sprintf("a process may have %d files open (hard limit), and %d requests at once take one each", limit, atOnce)
	switch advice := "raise it (ulimit -Hn as root, LimitNOFILE, --ulimit nofile), or bound load.concurrency"; {
	case limit < uint64(atOnce+ownFiles):
		c.error(ExitInternal, checkOpenFiles, text, advice)
	case limit < uint64(atOnce+serverFiles):
		c.warn(checkOpenFiles, text+"; that leaves little for the server's own", advice)
	}
}

// atOnce is the most requests that can be in flight.
func (c *checker) atOnce() int {
	n := c.cfg.Dataset.NumRequests
	if c.found.Inputs != nil {
		n = len(c.found.Inputs.Prompts.Prompts)
	}
	return connections(c.cfg, n)
}

// clockSources are those that a process reads without a call of the system.
var clockSources = []string{"tsc", "kvm-clock", "arch_sys_counter"}

// clock looks at the source of all time stamps.
func (c *checker) clock() {
	source := c.machine.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
	if source == "" || slices.Contains(clockSources, source) || strings.HasPrefix(source, "hyperv") {
		return
	}
	c.warn(checkClock, fmt.Sprintf("the kernel's clock source is %s: each time stamp takes a call of the system", source),
		"see in dmesg why it does not use tsc; where that is unfounded, boot with tsc=reliable")
}

// governor looks at how the processor's clock is steered, where that is visible: virtual machines as a rule do not show it.
func (c *checker) governor() {
	files, err := fs.Glob(c.machine.root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
	if err != nil {
		return
	}
	var others []string
	count := 0
	for _, file := range files {
		if g := c.machine.text(file); g != "" && g != "performance" {
			count++
			others = append(others, g)
		}
	}
	if count == 0 {
		return
	}
	slices.Sort(others)
	c.warn(checkGovernor, fmt.Sprintf("%d of %d processors are under the governor %s: their clock follows the load, and times vary "+
		"with it", count, len(files), strings.Join(slices.Compact(others), ", ")), "cpupower frequency-set -g performance, as root")
}

// streamsPerCore is how many responses a core of the client can follow with ease: at 50 chunks a second each, and with some
// 10 µs for a chunk, they take it all.
const streamsPerCore = 2000

// cores holds the processors that may be used against what is going to be busy on them.
func (c *checker) cores() {
	have, known := c.machine.cores()
	client := 1 + c.atOnce()/streamsPerCore
	need, what := client, fmt.Sprintf("the client with %d requests at once needs %s", c.atOnce(), coresText(float64(client)))
	if c.certain {
		n := c.serverCores()
		need += n
		what += fmt.Sprintf(", the server %d", n)
	}
	if !known || have >= float64(need) {
		return
	}
	c.warn(checkCores, fmt.Sprintf("%s may be used here, and %s", coresText(have), what), "allow more (affinity, the container's "+
		"CPU limit), or bound load.concurrency: where client and server wait for one another's core, times are too long")
}

func coresText(n float64) string {
	if n == 1 {
		return "1 core"
	}
	return fmt.Sprintf("%.3g cores", n)
}

// serverCores is how many processes of the server are busy all the time: the API server, the engines, and the workers where
// these are processes of their own.
func (c *checker) serverCores() int {
	if usesSimulator(c.cfg) {
		return 1
	}
	number := func(flag string) int {
		value, _ := c.flag(flag)
		n, _ := strconv.Atoi(value)
		return max(n, 1)
	}
	engines := number("data-parallel-size")
	workers := number("tensor-parallel-size") * number("pipeline-parallel-size")
	if workers == 1 {
		return 1 + engines
	}
	return 1 + engines + engines*workers
}

// cores is how many processors this process may use, by affinity and by the quotas of its cgroup.
func (m machine) cores() (n float64, known bool) {
	allowed, ok := telemetry.ParseCPUList(field(m.text("proc/self/status"), "Cpus_allowed_list"))
	if !ok {
		return 0, false
	}
	n = float64(allowed.Count())
	for line := range strings.Lines(m.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if quota, ok := m.quota(parts[1], dir); ok {
				n = min(n, quota)
			}
			if dir == "/" {
				break
			}
		}
	}
	return n, true
}

// quota is how many processors a cgroup may use, by version 2, whose list of controllers is empty, or by version 1.
func (m machine) quota(controllers, dir string) (float64, bool) {
	if controllers == "" {
		limit, period, _ := strings.Cut(m.text(path.Join("sys/fs/cgroup", dir, "cpu.max")), " ")
		return share(limit, period)
	}
	if !slices.Contains(strings.Split(controllers, ","), "cpu") {
		return 0, false
	}
	base := path.Join("sys/fs/cgroup", controllers, dir)
	return share(m.text(path.Join(base, "cpu.cfs_quota_us")), m.text(path.Join(base, "cpu.cfs_period_us")))
}

// share is a quota in processors; ok is false for none.
func share(limit, period string) (n float64, ok bool) {
	l, err := strconv.ParseFloat(limit, 64)
	p, also := strconv.ParseFloat(period, 64)
	if err != nil || also != nil || l <= 0 || p <= 0 {
		return 0, false
	}
	return l / p, true
}
