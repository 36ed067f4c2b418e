package telemetry

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func num(v float64) *float64 { return &v }

func TestParseGPUs(t *testing.T) {
	calm := func(active ...string) map[string]bool {
		reasons := map[string]bool{}
		for _, reason := range throttleReasons() {
			reasons[reason] = false
		}
		for _, reason := range active {
			reasons[reason] = true
		}
		return reasons
	}
	unsure := calm()
	delete(unsure, ThrottlePowerBrake)
	for name, tt := range map[string]struct {
		fields gpuFields
		want   []GPU
	}{
		"nvidia-550-h100": {nvidiaFields(), []GPU{{
			Index: 0, UUID: "GPU-3a1f0c52-8f5e-5a0c-9b1d-0f3a6f1c7e21", Name: "NVIDIA H100 80GB HBM3", Driver: "550.90.07",
			VBIOS: "96.00.89.00.01", PowerLimit: num(700), EnforcedPowerLimit: num(700), MaxSMClock: num(1980), MaxMemoryClock: num(2619),
			ApplicationSMClock: num(1980), ApplicationMemoryClock: num(2619), MIG: "Disabled", ECC: "Enabled", Persistence: "Enabled",
			MemoryTotal: num(81559), MemoryUsed: num(74713), Power: num(612.43), SMClock: num(1755), MemoryClock: num(2619),
			Temperature: num(61), Utilization: num(98), Throttle: calm(ThrottlePowerCap),
		}, {
			Index: 1, UUID: "GPU-b0c9d7e4-1d52-6c0f-83aa-52c1a9d0e6f3", Name: "NVIDIA H100 80GB HBM3", Driver: "550.90.07",
			VBIOS: "96.00.89.00.01", PowerLimit: num(700), EnforcedPowerLimit: num(700), MaxSMClock: num(1980), MaxMemoryClock: num(2619),
			ApplicationSMClock: num(1980), ApplicationMemoryClock: num(2619), MIG: "Disabled", ECC: "Enabled", Persistence: "Enabled",
			MemoryTotal: num(81559), MemoryUsed: num(4), Power: num(69.87), SMClock: num(1980), MemoryClock: num(2619),
			Temperature: num(29), Utilization: num(0), Throttle: calm(),
		}}},
		"nvidia-470-v100": {nvidiaFields(), []GPU{{
			UUID: "GPU-91c3f6a8-77de-0b3b-2d4c-1e5f8a9b0c7d", Name: "Tesla V100-SXM2-32GB", Driver: "470.103.01", VBIOS: "88.00.80.00.01",
			PowerLimit: num(300), EnforcedPowerLimit: num(300), MaxSMClock: num(1530), MaxMemoryClock: num(877),
			ApplicationSMClock: num(1290), ApplicationMemoryClock: num(877), ECC: "Enabled", Persistence: "Disabled", MemoryTotal: num(32510),
			MemoryUsed: num(30118), Power: num(288.16), SMClock: num(1312), MemoryClock: num(877), Temperature: num(84),
			Utilization: num(100), Throttle: calm(ThrottleSWThermal),
		}}},
		"nvidia-595-rtx": {nvidiaFields(), []GPU{{
			UUID: "GPU-75d2f03c-6a0e-4d11-bb52-90c7e1f2a384", Name: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition",
			Driver: "595.71.05", VBIOS: "98.02.2E.00.03", PowerLimit: num(600), EnforcedPowerLimit: num(600), MaxSMClock: num(3090),
			MaxMemoryClock: num(14001), MIG: "Disabled", ECC: "Disabled", Persistence: "Enabled", MemoryTotal: num(97887),
			MemoryUsed: num(119), Power: num(30.11), SMClock: num(180), MemoryClock: num(405), Temperature: num(30), Utilization: num(0),
			Throttle: calm(),
		}}},
		"nvidia-580-gb10": {nvidiaFields(), []GPU{{
			UUID: "GPU-0e4b1d7a-2c9f-7e35-a6d8-b3f1c5097284", Name: "NVIDIA GB10", Driver: "580.95.05", VBIOS: "9A.0B.0E.00.02",
			MaxSMClock: num(3003), ApplicationSMClock: num(2418), Persistence: "Enabled", Power: num(14.62), SMClock: num(2405),
			Temperature: num(49), Utilization: num(37), Throttle: unsure,
		}}},
		"gaudi-1.22-hl325l": {gaudiFields(), []GPU{{
			UUID: "01P4-HL3090A0-18-U4V193-22-07-00", Name: "HL-325L", Driver: "1.22.1-97ec1a4", MemoryTotal: num(131072),
			PowerLimit: num(850), MaxSMClock: num(1600), SMClock: num(1200), MemoryUsed: num(672), Power: num(226), Temperature: num(36),
			Utilization: num(0),
		}, {
			Index: 1, UUID: "01P4-HL3090A0-18-U4V193-19-02-01", Name: "HL-325L", Driver: "1.22.1-97ec1a4", MemoryTotal: num(131072),
			PowerLimit: num(850), MaxSMClock: num(1600), SMClock: num(1600), MemoryUsed: num(121040), Power: num(611),
			Temperature: num(58), Utilization: num(97),
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCSV(tt.fields, string(sample(t, filepath.Join("gpu", name+".csv"))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseGPUsIsStrict(t *testing.T) {
	fields := append(identity(), reading("power.draw", func(g *GPU) **float64 { return &g.Power }), throttleField(ThrottleHW))
	for text, want := range map[string]string{
		"":                                 "",
		"\n\n":                             "",
		"0, a, 1, Active\n":                "",
		"0, a, [N/A], N/A":                 "",
		"0, a, 1":                          `3 cells where 4 were asked for: "0, a, 1"`,
		"0, a, 1, Active, x":               "5 cells where 4 were asked for",
		"NVIDIA-SMI has failed":            "1 cells where 4 were asked for",
		"x, a, 1, Active":                  "index: ",
		"-1, a, 1, Active":                 "index: below 0",
		"[N/A], a, 1, Active":              "a GPU without index",
		"0, [N/A], 1, Active":              "a GPU without uuid",
		"0, a, one, Active":                `power.draw: not a number: "one"`,
		"0, a, NaN, Active":                `power.draw: not a number: "NaN"`,
		"0, a, -1, Active":                 `power.draw: not a number: "-1"`,
		"0, a, 1 kW, Active":               `power.draw: unknown unit "kW"`,
		"0, a, 1, active":                  `neither Active nor Not Active: "active"`,
		"0, a, 1, Active\n1, a, 2, Active": `two GPUs with the UUID "a"`,
	} {
		_, err := parseCSV(fields, text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: got %v, want no error", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// What is absent stays absent, whatever else an answer holds, and nothing that is told is below 0 or endless.
func FuzzParseGPUs(f *testing.F) {
	for _, name := range []string{"nvidia-550-h100", "nvidia-470-v100", "nvidia-595-rtx", "nvidia-580-gb10", "gaudi-1.22-hl325l"} {
		f.Add(string(sample(f, filepath.Join("gpu", name+".csv"))))
	}
	f.Add("Field \"mig.mode.current\" is not a valid field to query.\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		nvidiaRefused(text, nil)
		for _, fields := range []gpuFields{nvidiaFields(), gaudiFields()} {
			list, err := parseCSV(fields, text)
			if err != nil {
				continue
			}
			for _, g := range list {
				if g.UUID == "" || g.Index < 0 {
					t.Errorf("no identity: %+v", g)
				}
				if g.Power != nil && !(*g.Power >= 0 && *g.Power < 1e300*1e8) {
					t.Errorf("power %v", *g.Power)
				}
			}
		}
	})
}
