package report

import "slices"

// ruleGPUShared: nobody else uses a GPU that the server uses, as far as could be seen before it was started.
func ruleGPUShared(e *evidence) []Reason {
	var list []string
	for _, was := range e.manifest.GPUs {
		if was.InUse() && slices.ContainsFunc(e.passes(), func(p *passEvidence) bool { return p.gpus.came(was) }) {
			list = append(list, was.Title()+" with "+was.Usage())
		}
	}
	if len(list) == 0 {
		return nil
	}
	return []Reason{suspect("gpu_shared", "somebody else used GPUs of the server before anything was started: %s; the numbers are of "+
		"shared GPUs: end what uses them, or keep the server to others (CUDA_VISIBLE_DEVICES in server.env), and run again", listOf(list))}
}

// came reports whether the server came to a GPU, by the memory that it took of it.
func (r *GPURecord) came(before GPUState) bool {
	return slices.ContainsFunc(r.gpus(), func(g GPUState) bool { return g.UUID == before.UUID && before.Grown(g.GPUReading) })
}
