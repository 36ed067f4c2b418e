package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// GPUs is what the GPUs did during each pass; nil for a pass of which nothing is known.
type GPUs struct {
	Full          []GPUFigures `json:"full"`
	Summarization []GPUFigures `json:"summarization"`
}

// GPUFigures is what one GPU did during a pass. Means are over time: each sample stands for the time since the one before it.
// A nil number is not known.
type GPUFigures struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	UUID  string `json:"uuid"`
	// Samples is how often it was looked at.
	Samples         int      `json:"samples"`
	PowerMean       *float64 `json:"power_mean_w"`
	PowerMax        *float64 `json:"power_max_w"`
	SMClockMean     *float64 `json:"sm_clock_mean_mhz"`
	TemperatureMax  *float64 `json:"temperature_max_c"`
	MemoryUsedMax   *float64 `json:"memory_used_max_mib"`
	UtilizationMean *float64 `json:"utilization_mean_pct"`
	// Throttled is, by reason that slowed it down, the share of those samples that tell of the reason; nil when none does.
	Throttled map[string]float64 `json:"throttled"`
}

// gpus are the figures of both passes; nil when no GPU is known.
func (e *evidence) gpus() *GPUs {
	g := GPUs{Full: e.full.gpus.figures(), Summarization: e.summarization.gpus.figures()}
	if g.Full == nil && g.Summarization == nil {
		return nil
	}
	return &g
}

func (r *GPURecord) figures() []GPUFigures {
	var list []GPUFigures
	for _, g := range r.gpus() {
		list = append(list, r.figuresOf(g))
	}
	return list
}

// gpus are those that are told of, by the state before the pass or, where that was not told, after it.
func (r *GPURecord) gpus() []GPUState {
	if r == nil {
		return nil
	}
	if r.Before == nil {
		return r.After
	}
	return r.Before
}

func (r *GPURecord) figuresOf(g GPUState) GPUFigures {
	f := GPUFigures{Index: g.Index, Name: g.Name, UUID: g.UUID}
	for _, s := range r.Samples {
		if s.of(g.UUID) != nil {
			f.Samples++
		}
	}
	f.PowerMean, f.PowerMax = r.over(g.UUID, func(g *GPUReading) *float64 { return g.Power })
	f.SMClockMean, _ = r.over(g.UUID, func(g *GPUReading) *float64 { return g.SMClock })
	f.UtilizationMean, _ = r.over(g.UUID, func(g *GPUReading) *float64 { return g.Utilization })
	_, f.TemperatureMax = r.over(g.UUID, func(g *GPUReading) *float64 { return g.Temperature })
	_, f.MemoryUsedMax = r.over(g.UUID, func(g *GPUReading) *float64 { return g.MemoryUsed })
	for reason, t := range r.throttle(g.UUID) {
		if f.Throttled == nil {
			f.Throttled = map[string]float64{}
		}
		if t.active > 0 {
			f.Throttled[reason] = float64(t.active) / float64(t.told)
		}
	}
	return f
}

// of is the reading of a GPU; nil when the sample has none.
func (s GPUSample) of(uuid string) *GPUReading {
	for i := range s.GPUs {
		if s.GPUs[i].UUID == uuid {
			return &s.GPUs[i]
		}
	}
	return nil
}

// over is the mean over time and the largest of one value of a GPU; nil when no sample tells it.
func (r *GPURecord) over(uuid string, value func(*GPUReading) *float64) (mean, most *float64) {
	var sum, time, before float64
	for _, s := range r.Samples {
		took := s.At - before
		before = s.At
		g := s.of(uuid)
		if g == nil || value(g) == nil || !plausible(*value(g)) {
			continue
		}
		v := *value(g)
		sum, time = sum+v*took, time+took
		if most == nil || v > *most {
			most = &v
		}
	}
	if most == nil {
		return nil, nil
	}
	return ptr(sum / time), most
}

// throttleTally counts the samples that tell of a reason, and those in which it slowed the GPU down.
type throttleTally struct{ active, told int }

func (r *GPURecord) throttle(uuid string) map[string]throttleTally {
	tallies := map[string]throttleTally{}
	for _, s := range r.Samples {
		g := s.of(uuid)
		if g == nil {
			continue
		}
		for reason, active := range g.Throttle {
			t := tallies[reason]
			t.told++
			if active {
				t.active++
			}
			tallies[reason] = t
		}
	}
	return tallies
}

// shareList is "hw_thermal_slowdown 0.25, sw_power_cap 1", by name.
func shareList(shares map[string]float64) string {
	var list []string
	for _, reason := range slices.Sorted(maps.Keys(shares)) {
		list = append(list, fmt.Sprintf("%s %v", reason, shares[reason]))
	}
	return strings.Join(list, ", ")
}
