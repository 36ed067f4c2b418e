package telemetry

import (
	"slices"
	"strings"
)

// gaudiFields are what hl-smi is asked for. It has no MIG and no reasons for throttling.
func gaudiFields() gpuFields {
	return append(identity(),
		fact("name", func(g *GPU) *string { return &g.Name }),
		fact("driver_version", func(g *GPU) *string { return &g.Driver }),
		fact("ecc.mode.current", func(g *GPU) *string { return &g.ECC }),
		setting("memory.total", func(g *GPU) **float64 { return &g.MemoryTotal }),
		setting("power.max", func(g *GPU) **float64 { return &g.PowerLimit }),
		setting("clocks.max.soc", func(g *GPU) **float64 { return &g.MaxSMClock }),
		reading("clocks.current.soc", func(g *GPU) **float64 { return &g.SMClock }),
		reading("memory.used", func(g *GPU) **float64 { return &g.MemoryUsed }),
		reading("power.draw", func(g *GPU) **float64 { return &g.Power }),
		reading("temperature.aip", func(g *GPU) **float64 { return &g.Temperature }),
		reading("utilization.aip", func(g *GPU) **float64 { return &g.Utilization }),
	)
}

func gaudiArgs(names []string) []string {
	return []string{"-Q", strings.Join(names, ","), "-f", "csv,noheader,nounits"}
}

// gaudiRefused are the fields that older versions do not know. What hl-smi says of one it does not know is not documented, so
// they are given up one by one, the latest first, whatever it says.
func gaudiRefused(_ string, names []string) []string {
	for _, late := range []string{"power.max", "clocks.max.soc", "clocks.current.soc"} {
		if slices.Contains(names, late) {
			return []string{late}
		}
	}
	return nil
}
