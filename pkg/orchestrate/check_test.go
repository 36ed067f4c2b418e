package orchestrate

import (
	"context"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/config"
	"github.com/squeezebits/sqzb-orchestrate/pkg/dataset"
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

const tinyLlama = "../../configs/tiny-llama"

// recipeOf is a recipe for the simulator that nothing stands against, but what edit makes of it.
func recipeOf(t *testing.T, edit func(*config.Config)) (*config.Config, Options) {
	t.Helper()
	model, err := filepath.Abs(tinyLlama)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Name, cfg.Output.Dir = "some", t.TempDir()
	cfg.Server.Command, cfg.Server.Model = []string{"simulator"}, model
	cfg.Dataset = config.Dataset{Path: filepath.Join(model, "prompts.pkl"), Tokenizer: model, NumRequests: 4}
	cfg.Load.MaxOutputLen = 16
	if edit != nil {
		edit(&cfg)
	}
	return &cfg, Options{Self: self, SimulatorVersion: "0.32.0", Environ: os.Environ(), LookupEnv: os.LookupEnv, Home: t.TempDir()}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name  string
		edit  func(*config.Config)
		code  ExitCode
		want  []string // beginnings of the findings
		plans bool     // a plan can be made
	}{
		{"nothing", nil, ExitOK, []string{}, true},
		{"command", func(c *config.Config) { c.Server.Command = []string{"/no/such/program"} }, ExitServer,
			[]string{`exit 5 [command] server command "/no/such/program": no such file or directory`, "warning [model] MODEL: no weights"}, true},
		{"model and data set at once", func(c *config.Config) {
			c.Server.Model, c.Dataset.Tokenizer, c.Dataset.Path = "/no/such/model", "/no/such/model", "/no/such/file.pkl"
		}, ExitRecipe, []string{"exit 4 [dataset] reading data set /no/such/file.pkl: no such file or directory",
			"exit 3 [model] /no/such/model: opening the model folder: no such file or directory"}, false},
		{"limits that are known without a model", func(c *config.Config) {
			c.Dataset.Tokenizer = "/no/such/model"
			c.Server.Args = []config.Arg{{Name: "max-model-len", Values: []string{"100"}}}
		}, ExitRecipe, []string{"exit 3 [model] /no/such/model: opening", "exit 4 [dataset] data set MODEL/prompts.pkl does not fit"}, false},
		{"max-model-len", func(c *config.Config) {
			c.Server.Args = []config.Arg{{Name: "max-model-len", Values: []string{"many"}}}
		}, ExitRecipe, []string{`exit 3 [flags] max-model-len: got "many"`}, false},
		{"timings", func(c *config.Config) {
			c.Server.Timings, c.Server.Args = "histogram", []config.Arg{{Name: "disable-log-stats"}}
		}, ExitRecipe, []string{"exit 3 [timings] server.timings: histogram cannot be had"}, false},
		{"stop command", func(c *config.Config) { c.Server.StopCommand = []string{"/no/such/stop"} }, ExitServer,
			[]string{`exit 5 [stop_command] stop command "/no/such/stop": no such file or directory`}, true},
		{"flags", func(c *config.Config) { c.Server.Args = []config.Arg{{Name: "disable_log_requests"}} }, ExitServer,
			[]string{"exit 5 [flags] simulator 0.32.0 does not take --disable-log-requests"}, true},
		{"too few requests for the duration", func(c *config.Config) {
			c.Load.RequestRate, c.Load.Burstiness, c.Load.Duration = 10, math.Inf(1), time.Second
		}, ExitRecipe, []string{"exit 3 [recipe] within load.duration (1s) 10 requests arrive, and dataset.num_requests is 4"}, false},
		{"and with a data set that is too short", func(c *config.Config) {
			c.Dataset.NumRequests, c.Load.RequestRate, c.Load.Duration = 65, 1000, time.Minute
		}, ExitRecipe, []string{"exit 3 [recipe] within load.duration (1m0s)", "exit 4 [dataset] reading data set MODEL/prompts.pkl: the file has 64 rows, 65 were asked for"}, false},
		{"host", func(c *config.Config) { c.Server.Host = "192.0.2.1" }, ExitRecipe, []string{"exit 3 [port] finding a free port: "}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, o := recipeOf(t, tt.edit)
			model, _ := filepath.Abs(tinyLlama)
			found := newChecker(cfg, o, machineOf()).check(t.Context())
			got := texts(found.Findings)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], model, "MODEL")
				if i < len(tt.want) && strings.HasPrefix(got[i], tt.want[i]) {
					got[i] = tt.want[i]
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if found.Code() != tt.code {
				t.Errorf("code: got %d, want %d", found.Code(), tt.code)
			}
			plan, err := MakePlan(t.Context(), cfg, o)
			if (err == nil) != tt.plans {
				t.Errorf("MakePlan: got %v, want a plan %t", err, tt.plans)
			}
			if err == nil && plan.Code() != tt.code {
				t.Errorf("MakePlan: code %d, want %d", plan.Code(), tt.code)
			}
		})
	}
}

func TestCheckOfACancelledRun(t *testing.T) {
	cfg, o := recipeOf(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(SignalError{Signal: os.Interrupt})
	_, err := MakePlan(ctx, cfg, o)
	if e := fail(ExitInternal, "", err, ""); err == nil || e.Code != 130 {
		t.Errorf("MakePlan: got %v, want an interrupt with code 130", err)
	}
	recipe := filepath.Join(t.TempDir(), "some.yaml")
	if err := os.WriteFile(recipe, cfg.YAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = CheckRecipe(ctx, recipe, config.Options{}, o)
	if e := fail(ExitInternal, "", err, ""); err == nil || e.Code != 130 {
		t.Errorf("CheckRecipe: got %v, want an interrupt with code 130", err)
	}
}

func TestFindingsAreErrorsFirst(t *testing.T) {
	cfg, o := recipeOf(t, func(c *config.Config) { c.Load.MaxOutputLen = 5000 })
	m := machineOf(clockFile, "hpet")
	m.openFiles = 64
	found := newChecker(cfg, o, m).check(t.Context())
	var got []string
	for _, f := range found.Findings {
		got = append(got, string(f.Severity)+" "+f.Check)
	}
	if diff := cmp.Diff([]string{"error dataset", "warning open_files", "warning clock"}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got := len(found.Errors()) + len(found.Warnings()); got != 3 {
		t.Errorf("errors and warnings: got %d, want 3", got)
	}
}

func TestPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	cfg, o := recipeOf(t, func(c *config.Config) { c.Server.Port = port })
	c := newChecker(cfg, o, machineOf())
	c.port()
	if len(c.found.Findings) != 1 || c.found.Code() != ExitBusy {
		t.Errorf("a port in use: got %v, want one finding with code %d", texts(c.found.Findings), ExitBusy)
	}
	if used := server.CheckPort("127.0.0.1", port); !strings.Contains(used.Error(), "by ") {
		t.Skip("the system does not tell who listens")
	}
	c = newChecker(cfg, o, machineOf())
	c.ended = []server.Proc{{PID: 1}, {PID: os.Getpid()}}
	c.port()
	if len(c.found.Findings) != 0 {
		t.Errorf("a port of what will be ended: got %v, want nothing", texts(c.found.Findings))
	}
}

// TestInstalledIn holds what is made of a Python without vLLM: what a command by name of vllm needs, a script may not.
func TestInstalledIn(t *testing.T) {
	python := pythonAlone(t)
	script := filepath.Join(t.TempDir(), "start.py")
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		command  []string
		severity report.FindingSeverity
	}{
		{[]string{python, "-m", "vllm.entrypoints.openai.api_server"}, report.FindingError},
		{[]string{python, script}, report.FindingWarning},
	}
	for _, tt := range tests {
		cfg, o := recipeOf(t, func(c *config.Config) { c.Server.Command = tt.command })
		c := newChecker(cfg, o, machineOf())
		c.installed(t.Context())
		if len(c.found.Findings) != 1 {
			t.Fatalf("%v: findings %v, want one", tt.command, texts(c.found.Findings))
		}
		f := c.found.Findings[0]
		if f.Severity != tt.severity || f.Check != checkVLLM || !strings.Contains(f.Text, "has no vLLM installed") || f.Advice == "" {
			t.Errorf("%v: got %+v, want the severity %s", tt.command, f, tt.severity)
		}
	}
}

// pythonAlone is a Python with nothing but its own library.
func pythonAlone(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3")
	}
	dir := t.TempDir()
	if out, err := exec.Command("python3", "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Skipf("python3 makes no environment: %v\n%s", err, out)
	}
	return filepath.Join(dir, "bin", "python")
}

func TestUnknownInterpreterIsNoFinding(t *testing.T) {
	script := filepath.Join(t.TempDir(), "serve.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg, o := recipeOf(t, func(c *config.Config) { c.Server.Command = []string{script} })
	found := newChecker(cfg, o, machineOf()).check(t.Context())
	if found.Unknown == nil || found.Inputs == nil {
		t.Errorf("a shell script: unknown %v, inputs %v; want both", found.Unknown, found.Inputs)
	}
	want := "warning [model] " + cfg.Server.Model + ": no weights (*.safetensors, *.bin, *.pt, *.gguf)"
	if diff := cmp.Diff([]string{want}, texts(found.Findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestModelFindings(t *testing.T) {
	fatal := dataset.ModelFinding{Fatal: true, Path: "/m", Problem: "no weights", Advice: "copy"}
	fetched := dataset.ModelFinding{Path: "org/m", Problem: "not in the cache", Advice: "wait"}
	told := report.Finding{Severity: report.FindingError, Check: checkModel, Text: "no facts", ExitCode: int(ExitRecipe)}
	tests := []struct {
		name              string
		certain, presumed bool // of the command, and of where the model is
		tokenizer         string
		before            []report.Finding
		findings          []dataset.ModelFinding
		want              []string
	}{
		{"complete", true, true, "", nil, nil, []string{}},
		{"fatal", true, true, "", nil, []dataset.ModelFinding{fatal}, []string{"exit 3 [model] /m: no weights"}},
		{"will be fetched", true, true, "", nil, []dataset.ModelFinding{fetched}, []string{"warning [model] org/m: not in the cache"}},
		{"behind a script", false, false, "", nil, []dataset.ModelFinding{fatal}, []string{"warning [model] /m: no weights"}},
		{"configuration elsewhere", true, false, "", nil, []dataset.ModelFinding{fatal}, []string{"warning [model] /m: no weights"}},
		{"says better what has been told", true, true, "", []report.Finding{told}, []dataset.ModelFinding{fatal},
			[]string{"exit 3 [model] /m: no weights"}},
		{"says worse what has been told", true, true, "", []report.Finding{told}, []dataset.ModelFinding{fetched}, []string{"exit 3 [model] no facts"}},
		{"behind a script, told", false, false, "", []report.Finding{told}, []dataset.ModelFinding{fatal}, []string{"exit 3 [model] no facts"}},
		{"two models", true, true, "/t", []report.Finding{told}, []dataset.ModelFinding{fatal},
			[]string{"exit 3 [model] no facts", "exit 3 [model] /m: no weights"}},
	}
	for _, tt := range tests {
		c := checkerOf(t, machineOf(), 1)
		c.certain, c.cfg.Dataset.Tokenizer, c.found.Findings = tt.certain, tt.tokenizer, tt.before
		c.addModelFindings(tt.findings, tt.presumed)
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestModelUse(t *testing.T) {
	model, err := filepath.Abs(tinyLlama)
	if err != nil {
		t.Fatal(err)
	}
	const noWeights = "exit 3 [model] MODEL: no weights (*.safetensors, *.bin, *.pt, *.gguf)"
	tests := []struct {
		flag string
		want []string
	}{
		{"", []string{noWeights}},
		{"--load-format=auto", []string{noWeights}},
		{"--load-format=dummy", []string{}},
		{"--load_format=runai_streamer", []string{}},
		{"--tokenizer=/t", []string{noWeights}},
	}
	for _, tt := range tests {
		cfg, o := recipeOf(t, func(c *config.Config) { c.Server.Command = []string{"vllm", "serve", tt.flag} })
		c := newChecker(cfg, o, machineOf())
		c.certain = true
		c.model()
		got := texts(c.found.Findings)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], model, "MODEL")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.flag, diff)
		}
	}
}

// TestServersEnvironment: the recipe's variables say where the server, and so this program, finds a model.
func TestServersEnvironment(t *testing.T) {
	hub := t.TempDir()
	snapshot := filepath.Join(hub, "models--org--tiny", "snapshots", "abc")
	for _, dir := range []string{snapshot, filepath.Join(hub, "models--org--tiny", "refs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join(tinyLlama, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(snapshot, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(hub, "models--org--tiny", "refs", "v1"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, o := recipeOf(t, func(c *config.Config) {
		c.Server.Model, c.Dataset.Tokenizer = "org/tiny", "org/tiny"
		c.Server.Args = []config.Arg{{Name: "revision", Values: []string{"v1"}}}
		c.Server.Env = []config.EnvVar{{Name: "HF_HUB_CACHE", Value: hub}}
	})
	found := newChecker(cfg, o, machineOf()).check(t.Context())
	if diff := cmp.Diff([]string{}, texts(found.Findings)); diff != "" {
		t.Fatalf("findings (-want +got):\n%s", diff)
	}
	if got := found.Inputs.Model.Dir; got != snapshot {
		t.Errorf("the model's folder: got %s, want %s", got, snapshot)
	}
	cfg.Server.Command = []string{"vllm", "serve"}
	c := newChecker(cfg, o, machineOf())
	c.certain = true
	c.model()
	if len(c.found.Warnings()) != 1 || len(c.found.Errors()) != 0 {
		t.Errorf("weights that will be fetched: got %v, want one warning", texts(c.found.Findings))
	}
	cfg.Server.Env = append(cfg.Server.Env, config.EnvVar{Name: "HF_HUB_OFFLINE", Value: "1"})
	c = newChecker(cfg, o, machineOf())
	c.certain = true
	c.model()
	if len(c.found.Errors()) != 1 {
		t.Errorf("the same without downloads: got %v, want one error", texts(c.found.Findings))
	}
}

// TestDocs: docs/check.md has every check, and no other.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		documented = append(documented, m[1])
	}
	want := []string{checkRecipe, checkCommand, checkStopCommand, checkVLLM, checkFlags, checkTimings, checkModel, checkDataset,
		checkLoRA, checkPort, checkOpenFiles, checkLocalPorts, checkMemory, checkDisk, checkClock, checkGovernor, checkCores,
		checkLeftovers, checkGPUs, checkSelftest}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("checks in docs/check.md (-want +got):\n%s", diff)
	}
}
