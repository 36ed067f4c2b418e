package orchestrate

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

const clockFile = "sys/devices/system/clocksource/clocksource0/current_clocksource"

// machineOf has the files given as path, content, path, content …, all of what else is asked of a machine, and plenty of it.
func machineOf(files ...string) machine {
	root := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		root[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return machine{root: root, openFiles: 1 << 20, free: func(string) (int64, error) { return 1 << 40, nil }}
}

// checkerOf checks a recipe for the simulator with so many requests, all at once.
func checkerOf(t *testing.T, m machine, requests int, args ...config.Arg) *checker {
	t.Helper()
	cfg := config.Default()
	cfg.Name, cfg.Server.Command, cfg.Server.Model = "some", []string{"simulator"}, "/models/some"
	cfg.Server.Args, cfg.Output.Dir = args, t.TempDir()
	c := newChecker(&cfg, Options{Self: "self"}, m)
	c.certain = true
	c.found.Inputs = &Inputs{Prompts: dataset.Set{Prompts: make([]dataset.Prompt, requests)}}
	return c
}

// texts are findings as "severity code [check] text".
func texts(findings []report.Finding) []string {
	list := []string{}
	for _, f := range findings {
		text := string(f.Severity) + " [" + f.Check + "] " + f.Text
		if f.ExitCode != 0 {
			text = "exit " + string(rune('0'+f.ExitCode)) + " [" + f.Check + "] " + f.Text
		}
		list = append(list, text)
	}
	return list
}

func TestClock(t *testing.T) {
	tests := []struct {
		source string
		want   []string
	}{
		{"tsc\n", []string{}},
		{"kvm-clock\n", []string{}},
		{"hyperv_clocksource_tsc_page\n", []string{}},
		{"arch_sys_counter\n", []string{}},
		{"hpet\n", []string{"warning [clock] the kernel's clock source is hpet: each time stamp takes a call of the system"}},
		{"acpi_pm", []string{"warning [clock] the kernel's clock source is acpi_pm: each time stamp takes a call of the system"}},
		{"", []string{}},
	}
	for _, tt := range tests {
		c := checkerOf(t, machineOf(clockFile, tt.source), 1)
		c.clock()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("clock source %q (-want +got):\n%s", tt.source, diff)
		}
	}
	c := checkerOf(t, machineOf(), 1)
	c.clock()
	c.governor()
	c.cores()
	if diff := cmp.Diff([]string{}, texts(c.found.Findings)); diff != "" {
		t.Errorf("a machine that tells nothing (-want +got):\n%s", diff)
	}
}

func TestGovernor(t *testing.T) {
	file := func(cpu string) string { return "sys/devices/system/cpu/" + cpu + "/cpufreq/scaling_governor" }
	tests := []struct {
		name  string
		files []string
		want  []string
	}{
		{"performance", []string{file("cpu0"), "performance\n", file("cpu1"), "performance\n"}, []string{}},
		{"none are told", []string{"sys/devices/system/cpu/cpu0/online", "1\n"}, []string{}},
		{"some", []string{file("cpu0"), "performance\n", file("cpu1"), "powersave\n", file("cpu10"), "ondemand\n", file("cpu11"), "powersave\n"},
			[]string{"warning [governor] 3 of 4 processors are under the governor ondemand, powersave: their clock follows the load, " +
				"and times vary with it"}},
	}
	for _, tt := range tests {
		c := checkerOf(t, machineOf(tt.files...), 1)
		c.governor()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestMachineCores(t *testing.T) {
	status := "Name:\tself\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3,8\n"
	tests := []struct {
		name  string
		files []string
		want  float64
		known bool
	}{
		{"affinity alone", []string{"proc/self/status", status}, 5, true},
		{"nothing is told", nil, 0, false},
		{"more than a set of the C library holds", []string{"proc/self/status", "Cpus_allowed_list:\t0-2047\n"}, 2048, true},
		{"a list that is none", []string{"proc/self/status", "Cpus_allowed_list:\t3-1\n"}, 0, false},
		{"version 2", []string{"proc/self/status", status, "proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "max 100000\n",
			"sys/fs/cgroup/a/cpu.max", "250000 100000\n"}, 2.5, true},
		{"version 2, seen from within a container", []string{"proc/self/status", status, "proc/self/cgroup", "0::/../x\n",
			"sys/fs/cgroup/cpu.max", "50000 100000\n"}, 0.5, true},
		{"version 1", []string{"proc/self/status", status, "proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/c\n",
			"sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "300000\n", "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"}, 3, true},
		{"version 1 without a quota", []string{"proc/self/status", status, "proc/self/cgroup", "4:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}, 5, true},
		{"a quota above the affinity", []string{"proc/self/status", status, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max",
			"6400000 100000\n"}, 5, true},
		{"nonsense", []string{"proc/self/status", status, "proc/self/cgroup", "x\n0::/\n", "sys/fs/cgroup/cpu.max", "1 0\n"}, 5, true},
	}
	for _, tt := range tests {
		got, known := machineOf(tt.files...).cores()
		if got != tt.want || known != tt.known {
			t.Errorf("%s: got %v, %t; want %v, %t", tt.name, got, known, tt.want, tt.known)
		}
	}
}

func FuzzMachineCores(f *testing.F) {
	f.Add("Cpus_allowed_list:\t0-3,8\n", "0::/a\n", "250000 100000\n")
	f.Add("Cpus_allowed_list:\t0-99999999999999999999\n", "4:cpu:/../..\n", "-1\n")
	f.Fuzz(func(t *testing.T, status, cgroup, limit string) {
		m := machineOf("proc/self/status", status, "proc/self/cgroup", cgroup, "sys/fs/cgroup/cpu.max", limit)
		if n, known := m.cores(); known != (n > 0) {
			t.Errorf("cores: got %v, known %t", n, known)
		}
	})
}

func TestCores(t *testing.T) {
	four := machineOf("proc/self/status", "Cpus_allowed_list:\t0-3\n")
	flags := func(pairs ...string) (args []config.Arg) {
		for i := 0; i < len(pairs); i += 2 {
			args = append(args, config.Arg{Name: pairs[i], Values: []string{pairs[i+1]}})
		}
		return args
	}
	tests := []struct {
		name     string
		command  []string
		requests int
		args     []config.Arg
		certain  bool
		want     []string
	}{
		{"the simulator", []string{"simulator"}, 64, nil, true, []string{}},
		{"one device", []string{"vllm", "serve"}, 64, nil, true, []string{}},
		{"one device, many requests", []string{"vllm", "serve"}, 4000, nil, true,
			[]string{"warning [cores] 4 cores may be used here, and the client with 4000 requests at once needs 3 cores, the server 2"}},
		{"eight devices", []string{"vllm", "serve"}, 8, flags("tensor_parallel_size", "4", "pipeline-parallel-size", "2"), true,
			[]string{"warning [cores] 4 cores may be used here, and the client with 8 requests at once needs 1 core, the server 10"}},
		{"two engines", []string{"vllm", "serve", "--data-parallel-size=2"}, 8, flags("tensor-parallel-size", "2"), true,
			[]string{"warning [cores] 4 cores may be used here, and the client with 8 requests at once needs 1 core, the server 7"}},
		{"a server that may be elsewhere", []string{"docker", "run"}, 8, flags("tensor-parallel-size", "8"), false, []string{}},
	}
	for _, tt := range tests {
		c := checkerOf(t, four, tt.requests, tt.args...)
		c.cfg.Server.Command, c.certain = tt.command, tt.certain
		c.argv = launchFor(c.cfg, c.o, "", 0, nil).Argv()
		c.cores()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestOpenFiles(t *testing.T) {
	tests := []struct {
		limit                 uint64
		requests, concurrency int
		want                  []string
	}{
		{1024, 768, 0, []string{}},
		{1024, 769, 0, []string{"warning [open_files] a process may have 1024 files open (hard limit), and 769 requests at once take " +
			"one each; that leaves little for the server's own"}},
		{1024, 992, 0, []string{"warning [open_files] a process may have 1024 files open (hard limit), and 992 requests at once take " +
			"one each; that leaves little for the server's own"}},
		{1024, 993, 0, []string{"exit 1 [open_files] a process may have 1024 files open (hard limit), and 993 requests at once take one each"}},
		{1024, 5000, 100, []string{}},
		{0, 5000, 0, []string{}},
	}
	for _, tt := range tests {
		m := machineOf()
		m.openFiles = tt.limit
		c := checkerOf(t, m, tt.requests)
		c.cfg.Load.Concurrency = tt.concurrency
		c.openFiles()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("limit %d, %d requests, concurrency %d (-want +got):\n%s", tt.limit, tt.requests, tt.concurrency, diff)
		}
	}
}

func TestDisk(t *testing.T) {
	const requests = 1000 // of 1024 tokens: 19.9 MB
	tests := []struct {
		name string
		free int64
		err  error
		want []string
	}{
		{"plenty", 1 << 40, nil, []string{}},
		{"twice as much", 2 * 19_924_304, nil, []string{}},
		{"less than twice as much", 2*19_924_304 - 1, nil, []string{"warning [disk] the results take about 19 MiB, and 38 MiB are free in DIR"}},
		{"enough if outputs are short", 640_000, nil, []string{"warning [disk] the results take about 19 MiB, and 625 KiB are free in DIR"}},
		{"too little for any record", 639_999, nil, []string{"exit 1 [disk] the results take about 19 MiB, and 625 KiB are free in DIR"}},
		{"not known", 0, errors.New("writing into DIR: permission denied"), []string{"exit 1 [disk] writing into DIR: permission denied"}},
	}
	for _, tt := range tests {
		m := machineOf()
		c := checkerOf(t, m, requests)
		c.machine.free = func(dir string) (int64, error) {
			if dir != c.cfg.Output.Dir {
				t.Errorf("%s: asked for %s, want the folder that is there, %s", tt.name, dir, c.cfg.Output.Dir)
			}
			return tt.free, tt.err
		}
		c.disk()
		got := texts(c.found.Findings)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], c.cfg.Output.Dir, "DIR")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		want := Disk{Dir: filepath.Join(c.cfg.Output.Dir, "some"), NeedBytes: 19_924_304, FreeBytes: tt.free}
		if diff := cmp.Diff(want, c.found.Disk); diff != "" {
			t.Errorf("%s: Disk (-want +got):\n%s", tt.name, diff)
		}
	}
}
