package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// gpuMoment is what was told of the GPUs at one of the four moments of a run.
type gpuMoment struct {
	when string
	gpus []GPUState
}

// gpuMoments are those that the tool told of, in their order.
func (e *evidence) gpuMoments() []gpuMoment {
	var list []gpuMoment
	for _, p := range e.passes() {
		if p.gpus == nil {
			continue
		}
		list = append(list, gpuMoment{"before the " + p.name + " pass", p.gpus.Before},
			gpuMoment{"after the " + p.name + " pass", p.gpus.After})
	}
	return slices.DeleteFunc(list, func(m gpuMoment) bool { return m.gpus == nil })
}

// ruleGPUChanged: both passes run on the same GPUs, which nobody sets up otherwise meanwhile.
func ruleGPUChanged(e *evidence) []Reason {
	moments := e.gpuMoments()
	var reasons []Reason
	for i := 1; i < len(moments); i++ {
		a, b := moments[i-1], moments[i]
		if x, y := a.uuids(), b.uuids(); x != y {
			reasons = append(reasons, gpuChanged("the GPUs were "+x, a.when, y, b.when))
		}
	}
	for _, c := range gpuChanges(moments) {
		reasons = append(reasons, gpuChanged(fmt.Sprintf("the %s of %s was %s", c.setting, listOf(c.gpus), c.from), c.before, c.to,
			c.after))
	}
	return reasons
}

func gpuChanged(was, before, is, after string) Reason {
	return invalid("gpu_changed", "%s %s and %s %s: the passes did not run on the same machine, and cannot be subtracted; keep "+
		"everybody, and every power manager, from setting up the GPUs during a run, and run again", was, before, is, after)
}

// uuids names the GPUs, in an order of their own.
func (m gpuMoment) uuids() string {
	var list []string
	for _, g := range m.gpus {
		list = append(list, g.UUID)
	}
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// gpuChange is a setting that went from one value to another between two moments, and the GPUs on which it did.
type gpuChange struct{ setting, from, before, to, after string }

// gpuChangeOf is a gpuChange with its GPUs.
type gpuChangeOf struct {
	gpuChange
	gpus []string
}

// gpuChanges are all changes, in the order of the moments. A value that was not told for a while is held against the one that
// was told last.
func gpuChanges(moments []gpuMoment) []gpuChangeOf {
	type told struct{ value, when string }
	var changes []gpuChangeOf
	last := map[[2]string]told{}
	for _, m := range moments {
		for _, g := range m.gpus {
			limit := false
			for _, s := range g.settings() {
				key := [2]string{g.UUID, s[0]}
				was, known := last[key]
				last[key] = told{s[1], m.when}
				if !known || was.value == s[1] || limit && s[0] == enforcedLimit {
					continue
				}
				limit = limit || s[0] == askedLimit
				changes = addChange(changes, gpuChange{s[0], was.value, was.when, s[1], m.when}, g.Title())
			}
		}
	}
	return changes
}

func addChange(list []gpuChangeOf, c gpuChange, gpu string) []gpuChangeOf {
	i := slices.IndexFunc(list, func(x gpuChangeOf) bool { return x.gpuChange == c })
	if i < 0 {
		return append(list, gpuChangeOf{c, []string{gpu}})
	}
	list[i].gpus = append(list[i].gpus, gpu)
	return list
}

const (
	askedLimit    = "power limit"
	enforcedLimit = "enforced power limit"
)

// settings are the names and values of what nobody may change during a run, as far as they were told.
func (g GPUState) settings() [][2]string {
	var list [][2]string
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, printable(value)})
		}
	}
	add(askedLimit, withUnit(g.PowerLimit, "W"))
	add(enforcedLimit, withUnit(g.EnforcedPowerLimit, "W"))
	add("maximum SM clock", withUnit(g.MaxSMClock, "MHz"))
	add("maximum memory clock", withUnit(g.MaxMemoryClock, "MHz"))
	add("application SM clock", withUnit(g.ApplicationSMClock, "MHz"))
	add("application memory clock", withUnit(g.ApplicationMemoryClock, "MHz"))
	add("MIG mode", g.MIG)
	add("ECC mode", g.ECC)
	add("driver version", g.Driver)
	return list
}

func withUnit(v *float64, unit string) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64) + " " + unit
}

// shownGPUs bounds the GPUs that a reason lists; all of them are in the files.
const shownGPUs = 4

func listOf(gpus []string) string {
	if len(gpus) <= shownGPUs {
		return strings.Join(gpus, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(gpus[:shownGPUs], ", "), len(gpus)-shownGPUs)
}
