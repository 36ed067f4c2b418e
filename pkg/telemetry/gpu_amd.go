package telemetry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// amdArgs ask rocm-smi, which prints what each of its options is about, for all at once.
func amdArgs([]string) []string {
	return []string{"--showuniqueid", "--showproductname", "--showdriverversion", "--showmaxpower", "--showpower", "--showtemp",
		"--showuse", "--showmeminfo", "vram", "--showclocks", "--json"}
}

// amdFields are what is taken of its answer, which is always all of it, where it goes by these names. It has no MIG, no mode of ECC, and no reasons for
// throttling.
func amdFields() gpuFields {
	return gpuFields{
		named("Unique ID", func(g *GPU) *string { return &g.UUID }),
		named("Card Series", func(g *GPU) *string { return &g.Name }, "Card series"),
		measured("Max Graphics Package Power (W)", func(g *GPU) **float64 { return &g.PowerLimit }),
		measured("Current Socket Graphics Package Power (W)", func(g *GPU) **float64 { return &g.Power },
			"Average Graphics Package Power (W)"),
		measured("Temperature (Sensor junction) (C)", func(g *GPU) **float64 { return &g.Temperature }, "Temperature (Sensor edge) (C)"),
		measured("GPU use (%)", func(g *GPU) **float64 { return &g.Utilization }),
		mebibytes("VRAM Total Memory (B)", func(g *GPU) **float64 { return &g.MemoryTotal }),
		mebibytes("VRAM Total Used Memory (B)", func(g *GPU) **float64 { return &g.MemoryUsed }),
		measured("sclk clock speed:", func(g *GPU) **float64 { return &g.SMClock }),
		measured("mclk clock speed:", func(g *GPU) **float64 { return &g.MemoryClock }),
	}
}

// named and measured are a text and a number under any of several names.
func named(name string, at func(*GPU) *string, others ...string) gpuField {
	f := fact(name, at)
	f.names, f.reading = append(f.names, others...), true
	return f
}

func measured(name string, at func(*GPU) **float64, others ...string) gpuField {
	return gpuField{names: append([]string{name}, others...), reading: true, set: func(g *GPU, cell string) (err error) {
		if cell == "-1" || cell == "-1.0" {
			return nil // what it prints when it could not find out
		}
		*at(g), err = gpuNumber(strings.TrimSuffix(strings.Trim(cell, "()"), "Mhz"))
		return err
	}}
}

func mebibytes(name string, at func(*GPU) **float64) gpuField {
	return gpuField{names: []string{name}, reading: true, set: func(g *GPU, cell string) error {
		bytes, err := gpuNumber(cell)
		if err == nil {
			*bytes /= 1 << 20
			*at(g) = bytes
		}
		return err
	}}
}

// parseAMD reads rocm-smi's answer: an object for each card, and one for the system. Warnings may stand before it.
func parseAMD(fields gpuFields, answer string) ([]GPU, error) {
	begin := strings.Index(answer, "{")
	if begin < 0 {
		return nil, fmt.Errorf("no JSON: %q", short(answer))
	}
	var parts map[string]map[string]string
	if err := json.NewDecoder(strings.NewReader(answer[begin:])).Decode(&parts); err != nil {
		return nil, err
	}
	var list []GPU
	for name, part := range parts {
		number, isCard := strings.CutPrefix(name, "card")
		if !isCard {
			continue
		}
		index, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("no number of a card: %q", short(name))
		}
		g := GPU{Index: int(index), Driver: parts["system"]["Driver version"]}
		if err := fields.take(&g, part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if g.UUID == "" {
			g.UUID = name
		}
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b GPU) int { return a.Index - b.Index })
	return list, unique(list)
}

// take sets every field to the first of its names that is told.
func (fields gpuFields) take(g *GPU, part map[string]string) error {
	for _, f := range fields {
		for _, name := range f.names {
			cell := strings.TrimSpace(part[name])
			if untold(cell) || strings.HasPrefix(cell, "N/A") {
				continue
			}
			if err := f.set(g, cell); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			break
		}
	}
	return nil
}
