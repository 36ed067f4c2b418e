package telemetry

import (
	"slices"
	"strconv"
	"strings"
)

// visibleGPUs are those of list that CUDA_VISIBLE_DEVICES leaves to programs in an environment (NAME=value), in their order
// there; all of them when it is not set, or does not name GPUs beyond doubt. Like CUDA it ends at the first entry that names
// none.
func visibleGPUs(list []GPU, env []string) []GPU {
	if !slices.ContainsFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "CUDA_VISIBLE_DEVICES=") }) {
		return list
	}
	byIndex := value(env, "CUDA_DEVICE_ORDER") == "PCI_BUS_ID" || alike(list)
	var visible []GPU
	for entry := range strings.SplitSeq(value(env, "CUDA_VISIBLE_DEVICES"), ",") {
		entry = strings.TrimSpace(entry)
		index, err := strconv.Atoi(entry)
		if err == nil && !byIndex {
			return list
		}
		uuid, isMIG := strings.CutPrefix(entry, "MIG-")
		if isMIG {
			uuid, _, _ = strings.Cut(uuid, "/")
		}
		g := find(list, func(g GPU) bool {
			return err == nil && g.Index == index || strings.HasPrefix(uuid, "GPU-") && strings.HasPrefix(g.UUID, uuid)
		})
		if g == nil && isMIG {
			return list // such a name does not tell which GPU it is a part of
		}
		if g == nil {
			return visible
		}
		if find(visible, func(v GPU) bool { return v.UUID == g.UUID }) == nil {
			visible = append(visible, *g)
		}
	}
	return visible
}

// alike reports whether all GPUs are of one kind. CUDA numbers others by their speed, unless it is told to go by the bus as
// the tool does.
func alike(list []GPU) bool {
	return !slices.ContainsFunc(list, func(g GPU) bool { return g.Name != list[0].Name })
}

func find(list []GPU, match func(GPU) bool) *GPU {
	if i := slices.IndexFunc(list, match); i >= 0 {
		return &list[i]
	}
	return nil
}
