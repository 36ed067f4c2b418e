package orchestrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// Whatever a tool tells of is stored.
func TestGPUStatesAreWhole(t *testing.T) {
	number := 1.5
	var g telemetry.GPU
	fill := reflect.ValueOf(&g).Elem()
	for i := range fill.NumField() {
		switch f := fill.Field(i); f.Interface().(type) {
		case int:
			f.SetInt(7)
		case string:
			f.SetString("x")
		case *float64:
			f.Set(reflect.ValueOf(&number))
		case map[string]bool:
			f.Set(reflect.ValueOf(map[string]bool{"x": true}))
		}
	}
	state := gpuStates([]telemetry.GPU{g})[0]
	for _, v := range []reflect.Value{reflect.ValueOf(state), reflect.ValueOf(state.GPUReading)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s of %s is not stored", v.Type().Field(i).Name, v.Type())
			}
		}
	}
	if diff := cmp.Diff(gpuReadings([]telemetry.GPU{g})[0], state.GPUReading); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// gpuPassOf is a full pass with a script as nvidia-smi, in whose folder dir it runs, after the first look; notes are what the
// user is told.
func gpuPassOf(t *testing.T, script string) (p *pass, dir string, notes *[]string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &run{dir: filepath.Join(dir, "run")}
	if err := os.MkdirAll(filepath.Join(r.dir, report.PassFull), 0o755); err != nil {
		t.Fatal(err)
	}
	notes = new([]string)
	r.o.Observe = func(e Event) { *notes = append(*notes, e.(Note).Text) }
	r.gpus = watchGPUs(<-lookAtGPUs(t.Context(), []string{"PATH=" + dir + ":/usr/bin:/bin"}, 0))
	return &pass{run: r, passPlan: passPlan{name: report.PassFull}}, dir, notes
}

// oneGPU tells of one GPU, whatever it is asked for; readings are those of readings.
func oneGPU(readings string) string {
	return `case $1 in
*power.limit*) echo "0, GPU-1, A GPU, 550, N/A, 700` + strings.Repeat(", N/A", 20) + `";;
*) ` + readings + `;;
esac
`
}

func stored(t *testing.T, p *pass) report.GPURecord {
	t.Helper()
	run, err := os.ReadFile(filepath.Join(p.run.dir, report.PassFull, report.GPUFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(run) == 0 || p.gpus.stored()[report.PassFull] == nil {
		t.Fatal("nothing stored")
	}
	return *p.gpus.stored()[report.PassFull]
}

func TestGPUsOfAShortPass(t *testing.T) {
	p, _, notes := gpuPassOf(t, oneGPU("exit 1"))
	g := p.gpusBefore(t.Context())
	g.startSampling(t.Context())
	g.stopSampling()
	p.gpusAfter(t.Context(), g, nil)
	r := stored(t, p)
	if len(r.Before) != 1 || len(r.After) != 1 || len(r.Samples) != 0 || r.Failure != "" || len(*notes) != 0 {
		t.Errorf("got %+v, notes %q", r, *notes)
	}
	if r.Before[0].UUID != "GPU-1" || *r.Before[0].PowerLimit != 700 {
		t.Errorf("got %+v", r.Before[0])
	}
}

// A call that hangs when the pass ends is ended with it.
func TestGPUSamplerEndsWithThePass(t *testing.T) {
	p, dir, _ := gpuPassOf(t, oneGPU(">asked; sleep 60"))
	g := p.gpusBefore(t.Context())
	g.startSampling(t.Context())
	for tick := time.Tick(time.Millisecond); ; <-tick {
		if _, err := os.Stat(filepath.Join(dir, "asked")); err == nil {
			break
		}
	}
	endedAt := time.Now()
	g.stopSampling()
	if took := time.Since(endedAt); took > 2*time.Second {
		t.Errorf("the sampler took %v to end", took)
	}
	p.gpusAfter(t.Context(), g, nil)
	if r := stored(t, p); len(r.After) != 1 || r.Failure != "" {
		t.Errorf("got %+v", r)
	}
}

// A pass that failed is not held up, and keeps what was told before.
func TestGPUsOfAFailedPass(t *testing.T) {
	p, _, _ := gpuPassOf(t, oneGPU("exit 1"))
	g := p.gpusBefore(t.Context())
	p.gpusAfter(t.Context(), g, errors.New("the server died"))
	if r := stored(t, p); len(r.Before) != 1 || r.After != nil || r.Failure != "" {
		t.Errorf("got %+v", r)
	}
}

func TestGPUsThatAreNotTold(t *testing.T) {
	p, _, notes := gpuPassOf(t, `echo "no driver"; exit 9`)
	for range 2 {
		g := p.gpusBefore(t.Context())
		g.startSampling(t.Context())
		g.stopSampling()
		p.gpusAfter(t.Context(), g, nil)
	}
	want := "asking nvidia-smi: exit status 9: no driver"
	if r := stored(t, p); r.Failure != want || r.Before != nil || r.After != nil {
		t.Errorf("got %+v", r)
	}
	if diff := cmp.Diff(*notes, []string{"full: the state of the GPUs is not known: " + want}); diff != "" {
		t.Errorf("notes (-got +want):\n%s", diff)
	}
}

// A machine with the tool and no GPU is like one without the tool, and so is a run that was interrupted before anything was told.
func TestNoGPUsLeaveNoFile(t *testing.T) {
	p, _, notes := gpuPassOf(t, `echo "No devices were found"; exit 6`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), ended} {
		g := p.gpusBefore(ctx)
		p.gpusAfter(ctx, g, nil)
	}
	if _, err := os.Stat(filepath.Join(p.run.dir, report.PassFull, report.GPUFile)); !os.IsNotExist(err) || len(*notes) != 0 {
		t.Errorf("got %v, notes %q; want no file", err, *notes)
	}
}

// gpusInUse tells, at any moment, of GPU-1 with as many MiB in use as the file used says, and which is 3 % busy.
const gpusInUse = `read used <used
case $1 in
*power.limit*) echo "0, GPU-1, A GPU, 550, N/A, 700, N/A, N/A, N/A, N/A, N/A, N/A, N/A, N/A, 81559, $used, N/A, N/A, N/A, N/A, 3, N/A, N/A, N/A, N/A, N/A";;
*) echo "0, GPU-1, $used, N/A, N/A, N/A, N/A, 3, N/A, N/A, N/A, N/A, N/A"; echo >>asked; test ! -e next || mv next used;;
esac
`

func writeIn(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gpuPassInUse is gpuPassOf on a GPU of which 500 MiB were in use before anything was started.
func gpuPassInUse(t *testing.T) (p *pass, dir string, notes *[]string) {
	t.Helper()
	p, dir, notes = gpuPassOf(t, `test -e used || echo 500 >used
`+gpusInUse)
	if len(p.gpus.idle) != 1 || *p.gpus.idle[0].MemoryUsed != 500 {
		t.Fatalf("before the start: %+v", p.gpus.idle)
	}
	p.info = &report.Pass{Stop: &report.Stop{}}
	return p, dir, notes
}

func TestGPUMemoryComesBack(t *testing.T) {
	for _, tt := range []struct {
		name       string
		used, next string
		looks      int
		held       []string
	}{
		{"at once", "500\n", "", 1, nil},
		{"but for what drivers keep", "1524\n", "", 1, nil},
		{"after a moment", "1525\n", "600\n", 2, nil},
		{"not at all", "70000\n", "", 2, []string{"GPU 0 (A GPU) with 70000 MiB, 500 before the start"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, dir, notes := gpuPassInUse(t)
			p.gpus.patience = gpuPoll
			writeIn(t, dir, "used", tt.used)
			if tt.next != "" {
				writeIn(t, dir, "next", tt.next)
			}
			p.gpuMemoryBack(t.Context())
			asked, err := os.ReadFile(filepath.Join(dir, "asked"))
			if err != nil || len(asked) != tt.looks {
				t.Errorf("looked %d times, %v; want %d", len(asked), err, tt.looks)
			}
			if diff := cmp.Diff(tt.held, p.info.Stop.GPUMemoryHeld); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got, least := p.info.Stop.GPUMemory, float64(tt.looks-1)*gpuPoll.Seconds(); got <= least {
				t.Errorf("gpu_memory_s %v, want more than %v", got, least)
			}
			told := strings.Join(*notes, "\n")
			if want := strings.Join(tt.held, ", "); (told != "") != (want != "") || !strings.Contains(told, want) {
				t.Errorf("told %q, want %q in it", told, want)
			}
		})
	}
}

// Nobody waits for memory who was interrupted, on a machine without GPUs, or whose tool fails.
func TestGPUMemoryIsNotWaitedFor(t *testing.T) {
	p, dir, notes := gpuPassInUse(t)
	writeIn(t, dir, "used", "70000\n")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	startedAt := time.Now()
	p.gpuMemoryBack(ended)
	writeIn(t, dir, "used", "no number\n")
	p.gpuMemoryBack(t.Context())
	p.gpus = nil
	p.gpuMemoryBack(t.Context())
	if took := time.Since(startedAt); took > gpuQuiet || len(*notes) > 0 || p.info.Stop.GPUMemoryHeld != nil || p.info.Stop.GPUMemory != 0 {
		t.Errorf("took %v, notes %q, stop %+v; want no wait, and nothing told of one", took, *notes, p.info.Stop)
	}
}

// What takes longer than a moment is told, once.
func TestWaitForGPUMemoryIsTold(t *testing.T) {
	p, dir, notes := gpuPassInUse(t)
	p.gpus.patience = gpuQuiet + 2*gpuPoll
	writeIn(t, dir, "used", "70000\n")
	p.gpuMemoryBack(t.Context())
	if len(*notes) != 2 || !strings.HasPrefix((*notes)[0], "full: waiting for the GPUs' memory to come back: GPU 0 (A GPU) with 70000 MiB") {
		t.Errorf("told %q", *notes)
	}
}

func TestCheckOfGPUs(t *testing.T) {
	tool := func(script string) []string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		return []string{"PATH=" + dir + ":/usr/bin:/bin"}
	}
	state := func(used string) string {
		return `echo "0, GPU-1, A GPU, 550, N/A, 700, N/A, N/A, N/A, N/A, N/A, N/A, N/A, N/A, 81559, ` + used + `, N/A, N/A, N/A, N/A, 97, N/A, N/A, N/A, N/A, N/A"`
	}
	for _, tt := range []struct {
		name, script string
		settle       time.Duration
		want         []string
	}{
		{"no GPU", `echo "No devices were found"; exit 6`, gpuSettle, nil},
		{"idle", state("1024"), gpuSettle, nil},
		{"not told", state("N/A"), gpuSettle, nil},
		{"memory in use", state("1025"), 0, []string{"GPU 0 (A GPU) is in use before anything is started: 1025 of 81559 MiB in use"}},
		{"no driver", "echo no driver; exit 9", gpuSettle, []string{"the state of the GPUs is not known: asking nvidia-smi: exit status 9: no driver"}},
		{"in use for a moment", "test -e asked || " + state("70000") + " && test -e asked && " + state("4") + "; >asked", gpuSettle, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &checker{env: tool(tt.script), found: &Preflight{}}
			c.gpus(<-lookAtGPUs(t.Context(), c.env, tt.settle))
			var got []string
			for _, f := range c.found.Findings {
				if f.Severity != report.FindingWarning || f.Check != checkGPUs || f.Advice == "" {
					t.Errorf("got %+v; want a warning with advice", f)
				}
				got = append(got, f.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if look := <-lookAtGPUs(t.Context(), []string{"PATH=" + t.TempDir()}, gpuSettle); look.tool != nil || watchGPUs(look) != nil {
		t.Errorf("without a tool: got %+v", look)
	}
}
