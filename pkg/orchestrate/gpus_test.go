package orchestrate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
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
	r.gpus = watchGPUs(t.Context(), []string{"PATH=" + dir + ":/usr/bin:/bin"})
	t.Cleanup(r.gpus.close)
	<-r.gpus.met
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

// A first look that lasts is not waited for beyond patience, and the tool is not run twice at a time.
func TestFirstLookThatLasts(t *testing.T) {
	tool := telemetry.FindGPUTool(fakePath(t))
	synctest.Test(t, func(t *testing.T) {
		w := &gpuWatch{tool: tool, met: make(chan struct{})}
		startedAt := time.Now()
		err := w.ready(t.Context())
		if !errors.Is(err, errGPUBusy) || w.idle() || time.Since(startedAt) != gpuPatience {
			t.Errorf("got %v after %v, idle %t; want %v after %v", err, time.Since(startedAt), w.idle(), errGPUBusy, gpuPatience)
		}
		close(w.met)
		if err := w.ready(t.Context()); err != nil || !w.idle() {
			t.Errorf("got %v, idle %t; want none", err, w.idle())
		}
	})
}

func fakePath(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + dir}
}
