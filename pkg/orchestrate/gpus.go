package orchestrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// gpuWatch looks at the GPUs beside the passes of a run, by a vendor's tool; nil where there is none. What the tool does not tell,
// and whatever happens to it, is no failure of the run.
type gpuWatch struct {
	tool *telemetry.GPUTool
	// idle is what was told before anything was started; empty when nothing was.
	idle []report.GPUState
	// patience is how long the memory of a server that has ended may take to come back.
	patience time.Duration
	// records are what each pass has stored.
	records map[string]*report.GPURecord
	// told is true once the user was told that the tool fails.
	told bool
}

// watchGPUs goes on with the tool of the check.
func watchGPUs(look gpuLook) *gpuWatch {
	if look.tool == nil {
		return nil
	}
	return &gpuWatch{tool: look.tool, idle: look.gpus, patience: gpuMemoryPatience, records: map[string]*report.GPURecord{}}
}

// stored are the records of the passes.
func (w *gpuWatch) stored() map[string]*report.GPURecord {
	if w == nil {
		return nil
	}
	return w.records
}

// gpuMemoryPatience is the patience of a run.
const gpuMemoryPatience = 30 * time.Second

// awaitMemory waits until the server's memory of the GPUs is free again, which can be seconds after its last process is gone, and
// returns what has not come back then. known is false when nobody can tell, or ctx ended. tell is told once when it lasts.
func (w *gpuWatch) awaitMemory(ctx context.Context, tell func(held string)) (held []string, known bool) {
	if len(w.idle) == 0 {
		return nil, false
	}
	told := false
	for startedAt := time.Now(); ; {
		now, err := w.tool.Readings(ctx)
		if err != nil {
			return nil, false
		}
		held = w.held(now)
		took := time.Since(startedAt)
		if len(held) == 0 || took >= w.patience {
			return held, true
		}
		if took >= gpuQuiet && !told {
			told = true
			tell(strings.Join(held, ", "))
		}
		if !pause(ctx, gpuPoll) {
			return nil, false
		}
	}
}

// held names the GPUs that have more memory in use than before anything was started.
func (w *gpuWatch) held(now []telemetry.GPU) []string {
	var list []string
	for _, g := range now {
		i := slices.IndexFunc(w.idle, func(s report.GPUState) bool { return s.UUID == g.UUID })
		if i >= 0 && w.idle[i].Grown(gpuReading(g)) {
			list = append(list, fmt.Sprintf("%s with %.0f MiB, %.0f before the start", w.idle[i].Title(), *g.MemoryUsed,
				*w.idle[i].MemoryUsed))
		}
	}
	return list
}
