package report

import (
	"fmt"
	"slices"
	"strings"
)

// gpuTable has a row for each GPU and pass.
func gpuTable(g GPUs) table {
	t := table{align: "lrrrrrrl", heads: [][]string{{"GPUs", "mean W", "max W", "SM MHz", "max °C", "max MiB", "util %", "slowed by"}}}
	for _, pass := range []struct {
		name string
		gpus []GPUFigures
	}{{PassFull, g.Full}, {PassSummarization, g.Summarization}} {
		for _, f := range pass.gpus {
			t.rows = append(t.rows, []string{fmt.Sprintf("%s %d", pass.name, f.Index), fixedCell(f.PowerMean, 1), fixedCell(f.PowerMax, 1),
				fixedCell(f.SMClockMean, 0), fixedCell(f.TemperatureMax, 0), fixedCell(f.MemoryUsedMax, 0),
				fixedCell(f.UtilizationMean, 1), throttledCell(f.Throttled)})
		}
	}
	return t
}

// throttledCell is "heat 25 %, power limit 100 %", as shares of the samples.
func throttledCell(shares map[string]float64) string {
	var parts []string
	for _, cause := range []struct {
		name    string
		reasons []string
	}{
		{"heat", []string{throttleHWThermal, throttleSWThermal}}, {"brake", []string{throttlePowerBrake}},
		{"cap", []string{throttlePowerCap}},
	} {
		share := 0.0
		for _, reason := range cause.reasons {
			share = max(share, shares[reason])
		}
		if share > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", cause.name, 100*share))
		}
	}
	if len(parts) == 0 {
		return absent
	}
	return strings.Join(parts, ", ")
}

// gpuNames is "8 × NVIDIA H100 80GB HBM3", of the first pass that knows its GPUs.
func gpuNames(g GPUs) []string {
	gpus := g.Full
	if gpus == nil {
		gpus = g.Summarization
	}
	var names, list []string
	for _, f := range gpus {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	for len(names) > 0 {
		n := slices.IndexFunc(names, func(name string) bool { return name != names[0] })
		if n < 0 {
			n = len(names)
		}
		list, names = append(list, fmt.Sprintf("%d × %s", n, names[0])), names[n:]
	}
	return list
}
