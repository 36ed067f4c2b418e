package report

// noteGPUUnknown tells of a tool that was there and did not answer, or not always.
func noteGPUUnknown(e *evidence) []Note {
	var list []Note
	said := map[string]bool{}
	for _, p := range e.passes() {
		if p.gpus == nil || p.gpus.Failure == "" || said[p.gpus.Failure] {
			continue
		}
		said[p.gpus.Failure] = true
		list = append(list, note("gpu_unknown", "the state of the GPUs is not known from the %s pass on, or not all of it: %s; "+
			"whether they were set up otherwise or slowed down is not proven", p.name, printable(p.gpus.Failure))...)
	}
	return list
}
