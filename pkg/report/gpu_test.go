package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gpuRun is sampleRun on two GPUs that nobody touches, each looked at twice per pass, after 1 s and after 4 s.
func gpuRun() Run {
	run := sampleRun()
	run.GPUs = map[string]*GPURecord{}
	for _, pass := range []string{PassFull, PassSummarization} {
		r := &GPURecord{Schema: SchemaVersion, Tool: "nvidia-smi"}
		for i, uuid := range []string{"GPU-a", "GPU-b"} {
			g := GPUState{Index: i, GPUReading: GPUReading{UUID: uuid}, Name: "H100", Driver: "550", PowerLimit: ptr(700.0),
				EnforcedPowerLimit: ptr(700.0), MaxSMClock: ptr(1980.0), MaxMemoryClock: ptr(2619.0), ApplicationSMClock: ptr(1980.0),
				ApplicationMemoryClock: ptr(2619.0), MIG: "Disabled", ECC: "Enabled"}
			r.Before, r.After = append(r.Before, g), append(r.After, g)
		}
		for k, at := range []float64{1, 4} {
			s := GPUSample{At: at}
			for i, uuid := range []string{"GPU-a", "GPU-b"} {
				s.GPUs = append(s.GPUs, GPUReading{UUID: uuid, Power: ptr(float64(100 + 400*k + i)), SMClock: ptr(1980 - 200*float64(k)),
					Temperature: ptr(float64(50 + 10*k)), MemoryUsed: ptr(70000 + float64(i)), Utilization: ptr(float64(20 + 80*k)),
					Throttle: map[string]bool{throttleHWThermal: false, throttleSWThermal: false, throttlePowerBrake: false,
						throttleHW: false, throttlePowerCap: k == 1}})
			}
			r.Samples = append(r.Samples, s)
		}
		run.GPUs[pass] = r
	}
	return run
}

// throttleIn says of a reason that it slowed a GPU down in one sample of the full pass.
func throttleIn(r *Run, sample, gpu int, reason string) {
	r.GPUs[PassFull].Samples[sample].GPUs[gpu].Throttle[reason] = true
}

// usedBefore says how much of a GPU's memory was in use before anything was started, and how much then, in MiB.
func usedBefore(r *Run, gpu int, memory, then float64) {
	g := r.GPUs[PassFull].Before[gpu]
	g.MemoryTotal, g.MemoryUsed = ptr(81_559.0), &memory
	r.Manifest.GPUs = []GPUState{g}
	for _, p := range r.GPUs {
		p.Before[gpu].MemoryUsed, p.After[gpu].MemoryUsed = &then, &then
	}
}

// Each rule that looks at the GPUs, on both sides of its boundary.
func TestGPURules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string
		text   string // in the first reason
	}{
		{"nobody touches them", func(*Run) {}, nil, ""},
		{"nothing is known", func(r *Run) { r.GPUs = nil }, nil, ""},

		{"power limit in the full pass", func(r *Run) {
			for _, g := range [][]GPUState{r.GPUs[PassFull].After, r.GPUs[PassSummarization].Before, r.GPUs[PassSummarization].After} {
				g[1].PowerLimit, g[1].EnforcedPowerLimit = ptr(500.5), ptr(500.5)
			}
		}, []string{"invalid gpu_changed"}, "the power limit of GPU 1 (H100) was 700 W before the full pass and 500.5 W after the full " +
			"pass: the passes did not run on the same machine, and cannot be subtracted; keep everybody"},
		{"power limit between the passes", func(r *Run) {
			for _, g := range [][]GPUState{r.GPUs[PassSummarization].Before, r.GPUs[PassSummarization].After} {
				g[0].PowerLimit, g[1].PowerLimit = ptr(699.0), ptr(699.0)
			}
		}, []string{"invalid gpu_changed"},
			"the power limit of GPU 0 (H100), GPU 1 (H100) was 700 W after the full pass and 699 W before the summarization pass"},
		{"a limit that was put back is told twice", func(r *Run) { r.GPUs[PassFull].After[0].PowerLimit = ptr(300.0) },
			[]string{"invalid gpu_changed", "invalid gpu_changed"}, "was 700 W before the full pass and 300 W after the full pass"},
		{"a limit set elsewhere", func(r *Run) { r.GPUs[PassSummarization].After[0].EnforcedPowerLimit = ptr(350.0) },
			[]string{"invalid gpu_changed"}, "the enforced power limit of GPU 0 (H100) was 700 W before the summarization pass and 350 W after"},
		{"application clock", func(r *Run) { r.GPUs[PassSummarization].After[0].ApplicationSMClock = ptr(1410.0) },
			[]string{"invalid gpu_changed"}, "the application SM clock of GPU 0 (H100) was 1980 MHz"},
		{"MIG", func(r *Run) { r.GPUs[PassSummarization].After[0].MIG = "Enabled" }, []string{"invalid gpu_changed"},
			"the MIG mode of GPU 0 (H100) was Disabled before the summarization pass and Enabled after"},
		{"ECC", func(r *Run) { r.GPUs[PassSummarization].After[0].ECC = "Disabled" }, []string{"invalid gpu_changed"}, "the ECC mode"},
		{"driver", func(r *Run) { r.GPUs[PassSummarization].After[0].Driver = "560" }, []string{"invalid gpu_changed"},
			"the driver version of GPU 0 (H100) was 550"},
		{"another set of GPUs", func(r *Run) { r.GPUs[PassSummarization].After = r.GPUs[PassSummarization].After[:1] },
			[]string{"invalid gpu_changed"}, "the GPUs were GPU-a, GPU-b before the summarization pass and GPU-a after"},
		{"another order is the same set", func(r *Run) {
			a := r.GPUs[PassFull].After
			a[0], a[1] = a[1], a[0]
		}, nil, ""},
		{"a moment that was not told is no difference", func(r *Run) { r.GPUs[PassFull].After, r.GPUs[PassSummarization].Before = nil, nil },
			nil, ""},
		{"a value that was not told is held against the last one", func(r *Run) {
			r.GPUs[PassFull].After[0].PowerLimit, r.GPUs[PassSummarization].Before[0].PowerLimit = nil, nil
			r.GPUs[PassSummarization].After[0].PowerLimit = ptr(500.0)
		}, []string{"invalid gpu_changed"}, "was 700 W before the full pass and 500 W after the summarization pass"},
		{"what a GPU does may change", func(r *Run) {
			r.GPUs[PassFull].After[0].Temperature, r.GPUs[PassFull].After[0].Power = ptr(90.0), ptr(7.0)
		},
			nil, ""},

		{"nobody used them before", func(r *Run) { usedBefore(r, 1, 1024, 71_000) }, nil, ""},
		{"somebody's memory, on the server's GPU", func(r *Run) { usedBefore(r, 1, 1025, 1025+1025) }, []string{"suspect gpu_shared"},
			"somebody else used GPUs of the server before anything was started: GPU 1 (H100) with 1025 of 81559 MiB in use; the"},
		{"somebody's memory, on a GPU to which the server did not come", func(r *Run) { usedBefore(r, 1, 1025, 1025+1024) }, nil, ""},
		{"how much it has is not known", func(r *Run) {
			usedBefore(r, 0, 20_000, 70_000)
			r.Manifest.GPUs[0].MemoryTotal = nil
		}, []string{"suspect gpu_shared"}, "GPU 0 (H100) with 20000 MiB in use; the"},
		{"the state during the full pass was not told", func(r *Run) {
			usedBefore(r, 0, 20_000, 70_000)
			r.GPUs[PassFull].Before, r.GPUs[PassFull].After = nil, nil
		}, []string{"suspect gpu_shared"}, "GPU 0 (H100) with 20000 of"},
		{"another GPU of the same number", func(r *Run) {
			usedBefore(r, 0, 20_000, 70_000)
			r.Manifest.GPUs[0].UUID = "GPU-c"
		}, nil, ""},

		{"heat in one sample", func(r *Run) { throttleIn(r, 1, 0, throttleHWThermal) }, []string{"suspect gpu_throttled"},
			"GPUs were slowed down by heat in the full pass: GPU 0 (H100) with hw_thermal_slowdown in 1 of 2 samples; the numbers"},
		{"heat, found by both", func(r *Run) {
			throttleIn(r, 0, 1, throttleSWThermal)
			throttleIn(r, 1, 1, throttleSWThermal)
			throttleIn(r, 1, 1, throttleHWThermal)
		}, []string{"suspect gpu_throttled"}, "GPU 1 (H100) with hw_thermal_slowdown in 1 of 2 samples and sw_thermal_slowdown in 2 of 2 samples"},
		{"power brake", func(r *Run) { throttleIn(r, 0, 1, throttlePowerBrake) }, []string{"suspect gpu_throttled"},
			"by a power brake in the full pass: GPU 1 (H100) with hw_power_brake_slowdown in 1 of 2 samples"},
		{"both", func(r *Run) { throttleIn(r, 0, 1, throttlePowerBrake); throttleIn(r, 0, 0, throttleHWThermal) },
			[]string{"suspect gpu_throttled", "suspect gpu_throttled"}, "by heat"},
		{"the power limit is no reason", func(r *Run) { throttleIn(r, 0, 0, throttlePowerCap) }, nil, ""},
		{"a slowdown of the hardware that is none of its reasons", func(r *Run) { throttleIn(r, 0, 0, throttleHW) }, nil, ""},
		{"a slowdown of the hardware whose reasons are not told", func(r *Run) {
			throttleIn(r, 0, 0, throttleHW)
			for _, s := range r.GPUs[PassFull].Samples {
				delete(s.GPUs[0].Throttle, throttleHWThermal)
				delete(s.GPUs[0].Throttle, throttlePowerBrake)
			}
		}, []string{"suspect gpu_throttled"}, "by their hardware, which did not say why, in the full pass: GPU 0 (H100) with hw_slowdown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := gpuRun()
			tc.change(&run)
			wantReasons(t, Summarize(run), tc.want, tc.text)
		})
	}
}

func TestManyGPUsAreNotAllListed(t *testing.T) {
	if got, want := listOf([]string{"a", "b", "c", "d", "e", "f"}), "a, b, c, d and 2 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGPUFigures(t *testing.T) {
	run := gpuRun()
	r := run.GPUs[PassFull]
	r.Samples[0].GPUs[1].Power, r.Samples[0].GPUs[1].Throttle = nil, nil
	r.Samples[1].GPUs[0].Temperature = ptr(-3.0) // what cannot be is not known
	r.Samples[1].GPUs[1].Throttle[throttleSWThermal] = true
	run.GPUs[PassSummarization].Before, run.GPUs[PassSummarization].Samples = nil, nil
	got := Summarize(run).GPUs
	want := &GPUs{
		Full: []GPUFigures{{
			Index: 0, Name: "H100", UUID: "GPU-a", Samples: 2, PowerMean: ptr((100*1 + 500*3) / 4.0), PowerMax: ptr(500.0),
			SMClockMean: ptr((1980*1 + 1780*3) / 4.0), TemperatureMax: ptr(50.0), MemoryUsedMax: ptr(70000.0),
			UtilizationMean: ptr((20*1 + 100*3) / 4.0), Throttled: map[string]float64{throttlePowerCap: 0.5},
		}, {
			Index: 1, Name: "H100", UUID: "GPU-b", Samples: 2, PowerMean: ptr(501.0), PowerMax: ptr(501.0),
			SMClockMean: ptr((1980*1 + 1780*3) / 4.0), TemperatureMax: ptr(60.0), MemoryUsedMax: ptr(70001.0),
			UtilizationMean: ptr((20*1 + 100*3) / 4.0), Throttled: map[string]float64{throttlePowerCap: 1, throttleSWThermal: 1},
		}},
		Summarization: []GPUFigures{{Index: 0, Name: "H100", UUID: "GPU-a"}, {Index: 1, Name: "H100", UUID: "GPU-b"}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	for _, pass := range []string{PassFull, PassSummarization} {
		run.GPUs[pass].Before, run.GPUs[pass].After = []GPUState{}, nil
	}
	if s := Summarize(run); s.GPUs != nil {
		t.Errorf("without GPUs: got %+v, want nil", s.GPUs)
	}
}

func TestThrottledCell(t *testing.T) {
	for want, shares := range map[string]map[string]float64{
		absent:                            nil,
		"heat 25 %":                       {throttleHWThermal: 0.25, throttleSWThermal: 0.1},
		"heat 1 %, brake 50 %, cap 100 %": {throttleSWThermal: 0.01, throttlePowerBrake: 0.5, throttlePowerCap: 1, throttleHW: 1},
	} {
		if got := throttledCell(shares); got != want {
			t.Errorf("%v: got %q, want %q", shares, got, want)
		}
	}
}

func TestGPUNames(t *testing.T) {
	got := gpuNames(GPUs{Summarization: []GPUFigures{{Name: "b"}, {Name: "a"}, {Name: "b"}}})
	if diff := cmp.Diff(got, []string{"1 × a", "2 × b"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// A failure is told once, whether or not it lasted.
func TestGPUUnknownNote(t *testing.T) {
	run := gpuRun()
	for _, r := range run.GPUs {
		r.Before, r.After, r.Samples, r.Failure = nil, nil, nil, "asking nvidia-smi: no answer within 5s"
	}
	s := Summarize(run)
	var texts []string
	for _, n := range s.Notes {
		if n.Rule == "gpu_unknown" {
			texts = append(texts, n.Text)
		}
	}
	if len(texts) != 1 || !strings.HasPrefix(texts[0], "the state of the GPUs is not known from the full pass on, or not all of it: asking "+
		"nvidia-smi: no answer within 5s; whether") || s.Verdict != Valid || s.GPUs != nil {
		t.Errorf("got %s, %v, notes %q; want one note, nothing else", s.Verdict, s.GPUs, texts)
	}
}

func TestGPURecordOnDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, PassFull), 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := readGPURecord(dir, PassFull); r != nil || err != nil {
		t.Fatalf("without a file: got %v, %v", r, err)
	}
	want := gpuRun().GPUs[PassFull]
	if err := WriteGPURecord(dir, PassFull, *want); err != nil {
		t.Fatal(err)
	}
	got, err := readGPURecord(dir, PassFull)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	path := filepath.Join(dir, PassFull, GPUFile)
	for text, want := range map[string]string{
		"{\n\"schema\": }":                                     "gpu.json:2: ",
		`{"schema": 3}`:                                        "gpu.json: schema version 3; this program reads versions 1 to 2",
		`{"schema": 1, "samples": [{"at_s": 0}]}`:              "sample 0 at 0 s, after one at 0 s",
		`{"schema": 1, "samples": [{"at_s": 2}, {"at_s": 1}]}`: "sample 1 at 1 s, after one at 2 s",
		`{"schema": 1, "samples": [{"at_s": "x"}]}`:            "gpu.json:1: ",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readGPURecord(dir, PassFull); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
