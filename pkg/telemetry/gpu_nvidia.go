package telemetry

import (
	"fmt"
	"regexp"
	"strings"
)

// nvidiaFields are what nvidia-smi is asked for. A driver may not know some of them; clocks locked by `nvidia-smi -lgc` are not
// among what it can be asked for.
func nvidiaFields() gpuFields {
	fields := append(identity(),
		fact("name", func(g *GPU) *string { return &g.Name }),
		fact("driver_version", func(g *GPU) *string { return &g.Driver }),
		fact("vbios_version", func(g *GPU) *string { return &g.VBIOS }),
		setting("power.limit", func(g *GPU) **float64 { return &g.PowerLimit }),
		setting("enforced.power.limit", func(g *GPU) **float64 { return &g.EnforcedPowerLimit }),
		setting("clocks.max.sm", func(g *GPU) **float64 { return &g.MaxSMClock }),
		setting("clocks.max.memory", func(g *GPU) **float64 { return &g.MaxMemoryClock }),
		setting("clocks.applications.graphics", func(g *GPU) **float64 { return &g.ApplicationSMClock }),
		setting("clocks.applications.memory", func(g *GPU) **float64 { return &g.ApplicationMemoryClock }),
		fact("mig.mode.current", func(g *GPU) *string { return &g.MIG }),
		fact("ecc.mode.current", func(g *GPU) *string { return &g.ECC }),
		fact("persistence_mode", func(g *GPU) *string { return &g.Persistence }),
		setting("memory.total", func(g *GPU) **float64 { return &g.MemoryTotal }),
		reading("memory.used", func(g *GPU) **float64 { return &g.MemoryUsed }),
		reading("power.draw", func(g *GPU) **float64 { return &g.Power }),
		reading("clocks.sm", func(g *GPU) **float64 { return &g.SMClock }),
		reading("clocks.mem", func(g *GPU) **float64 { return &g.MemoryClock }),
		reading("temperature.gpu", func(g *GPU) **float64 { return &g.Temperature }),
		reading("utilization.gpu", func(g *GPU) **float64 { return &g.Utilization }),
	)
	for _, reason := range throttleReasons() {
		fields = append(fields, throttleField(reason))
	}
	return fields
}

// throttleField is a reason under its name since driver 535, and the one that it had before.
func throttleField(reason string) gpuField {
	return gpuField{names: []string{"clocks_event_reasons." + reason, "clocks_throttle_reasons." + reason}, reading: true,
		set: func(g *GPU, cell string) error {
			if cell != "Active" && cell != "Not Active" {
				return fmt.Errorf("neither Active nor Not Active: %q", cell)
			}
			if g.Throttle == nil {
				g.Throttle = map[string]bool{}
			}
			g.Throttle[reason] = cell == "Active"
			return nil
		}}
}

func nvidiaArgs(names []string) []string {
	return []string{"--query-gpu=" + strings.Join(names, ","), "--format=csv,noheader,nounits"}
}

var refusedField = regexp.MustCompile(`Field "([^"]*)" is not a valid field to query`)

// nvidiaRefused are the fields that a failed call did not know: for any of them it answers nothing at all.
func nvidiaRefused(answer string, _ []string) []string {
	var names []string
	for _, m := range refusedField.FindAllStringSubmatch(answer, -1) {
		names = append(names, m[1])
	}
	return names
}

// noDevices is what nvidia-smi says, and fails, on a machine that has its driver and no GPU.
const noDevices = "No devices were found"
