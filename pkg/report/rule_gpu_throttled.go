package report

import (
	"fmt"
	"strings"
)

// The reasons of GPUReading.Throttle that a rule looks at. A GPU at its power limit (sw_power_cap) runs as it is meant to.
const (
	throttleHWThermal  = "hw_thermal_slowdown"
	throttleSWThermal  = "sw_thermal_slowdown"
	throttlePowerBrake = "hw_power_brake_slowdown"
	throttleHW         = "hw_slowdown"
	throttlePowerCap   = "sw_power_cap"
)

// throttleCause is why a GPU was slowed down, and what can be done about it.
type throttleCause struct {
	reasons []string
	text    string
	advice  string
}

func throttleCauses() []throttleCause {
	return []throttleCause{
		{[]string{throttleHWThermal, throttleSWThermal}, "by heat", "see to the cooling, or lower the power limit, and let the GPUs " +
			"cool down"},
		{[]string{throttlePowerBrake}, "by a power brake", "the machine's power supply asked for it: look at its power supplies, and at " +
			"the limits of the rack and of the management controller"},
		{[]string{throttleHW}, "by their hardware, which did not say why,", "look for heat and for the power supply"},
	}
}

// ruleGPUThrottled: no GPU may be slowed down, in no sample.
func ruleGPUThrottled(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		for _, cause := range throttleCauses() {
			list := p.gpus.throttled(cause)
			if len(list) == 0 {
				continue
			}
			reasons = append(reasons, suspect("gpu_throttled", "GPUs were slowed down %s in the %s pass: %s; the numbers are of slower "+
				"GPUs: %s, and run again; if the server does not use all of these GPUs, name those that it does in its "+
				"CUDA_VISIBLE_DEVICES", cause.text, p.name, listOf(list), cause.advice))
		}
	}
	return reasons
}

// throttled are the GPUs that were slowed down by a cause, each with the samples that tell so.
func (r *GPURecord) throttled(cause throttleCause) []string {
	var list []string
	for _, g := range r.gpus() {
		tallies := r.throttle(g.UUID)
		if cause.reasons[0] == throttleHW && (tallies[throttleHWThermal].told > 0 || tallies[throttlePowerBrake].told > 0) {
			continue // the others say which of the hardware's reasons it was; alone, it comes with a change of clocks
		}
		var samples []string
		for _, reason := range cause.reasons {
			if t := tallies[reason]; t.active > 0 {
				samples = append(samples, fmt.Sprintf("%s in %d of %s", reason, t.active, count(t.told, "sample")))
			}
		}
		if len(samples) > 0 {
			list = append(list, g.Title()+" with "+strings.Join(samples, " and "))
		}
	}
	return list
}
