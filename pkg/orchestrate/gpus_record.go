package orchestrate

import (
	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// gpuStates are what a tool told of the GPUs, as it is stored; not nil, also when it told of none.
func gpuStates(list []telemetry.GPU) []report.GPUState {
	states := make([]report.GPUState, len(list))
	for i, g := range list {
		states[i] = report.GPUState{Index: g.Index, GPUReading: gpuReading(g), Name: g.Name, Driver: g.Driver, VBIOS: g.VBIOS,
			PowerLimit: g.PowerLimit, EnforcedPowerLimit: g.EnforcedPowerLimit, MaxSMClock: g.MaxSMClock,
			MaxMemoryClock: g.MaxMemoryClock, ApplicationSMClock: g.ApplicationSMClock,
			ApplicationMemoryClock: g.ApplicationMemoryClock, MIG: g.MIG, ECC: g.ECC, Persistence: g.Persistence,
			MemoryTotal: g.MemoryTotal}
	}
	return states
}

func gpuReadings(list []telemetry.GPU) []report.GPUReading {
	readings := make([]report.GPUReading, len(list))
	for i, g := range list {
		readings[i] = gpuReading(g)
	}
	return readings
}

func gpuReading(g telemetry.GPU) report.GPUReading {
	return report.GPUReading{UUID: g.UUID, Power: g.Power, SMClock: g.SMClock, MemoryClock: g.MemoryClock, Temperature: g.Temperature,
		MemoryUsed: g.MemoryUsed, Utilization: g.Utilization, Throttle: g.Throttle}
}
