package orchestrate

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/squeezebits/sqzb-orchestrate/pkg/server"
)

// Disk is what the results of a run will take.
type Disk struct {
	// Dir is the folder that the run directory is made in.
	Dir string `json:"dir"`
	// NeedBytes is the estimate, FreeBytes what can still be written there; 0 and absent where that is not known.
	NeedBytes int64 `json:"need_bytes"`
	FreeBytes int64 `json:"free_bytes,omitzero"`
}

// What a run writes, in bytes, on the safe side of what was measured: a record has 470 to 550 bytes without its chunks, a chunk
// 10 to 12 (a gap of 10 to 100 ms has 6, its lag 3 to 5, a count of tokens 2), the access log has a line of 100 for a request, and a trace gives one of 200.
// How many chunks there will be is not known where an output may end early, or a chunk may carry several tokens; leastRecord is
// less than any record takes.
const (
	recordBytes = 576
	leastRecord = 320
	chunkBytes  = 14
	logBytes    = 128
	spanBytes   = 256
	// otherBytes are the manifest, the reports, what the server logs when it starts, and its metrics.
	otherBytes = 4 << 20
)

// estimate is what the results of so many requests take.
func estimate(requests, maxOutput int, traced bool) int64 {
	request := int64(2 * (recordBytes + logBytes))
	if traced {
		request += 2 * spanBytes
	}
	return otherBytes + int64(requests)*(request+int64(maxOutput-1)*chunkBytes)
}

// disk holds the estimate against the space below output.dir.
func (c *checker) disk() {
	if c.found.Inputs == nil {
		return
	}
	d := &c.found.Disk
	d.Dir = filepath.Join(c.cfg.Output.Dir, c.cfg.Name)
	d.NeedBytes = estimate(len(c.found.Inputs.Prompts.Prompts), c.cfg.Load.MaxOutputLen,
		c.found.timings != nil && c.found.timings.plan.Source == server.TimingsTrace)
	const advice = "choose another place with --output or output.dir"
	dir, err := existing(d.Dir)
	if err == nil {
		d.FreeBytes, err = c.machine.free(dir)
	}
	if err != nil {
		c.error(ExitInternal, checkDisk, err.Error(), advice)
		return
	}
	text := fmt.Sprintf("the results take about %s, and %s are free in %s", size(d.NeedBytes), size(d.FreeBytes), dir)
	switch {
	case d.FreeBytes < 2*leastRecord*int64(len(c.found.Inputs.Prompts.Prompts)):
		c.error(ExitInternal, checkDisk, text, "free some space, or "+advice)
	case d.FreeBytes < 2*d.NeedBytes:
		c.warn(checkDisk, text, "free some space, or "+advice)
	}
}

// existing is the folder, or the first above it that is there.
func existing(dir string) (string, error) {
	for {
		info, err := os.Stat(dir)
		switch parent := filepath.Dir(dir); {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is in the way, a file and not a folder", dir)
		case err == nil:
			return dir, nil
		case !os.IsNotExist(err) || parent == dir:
			return "", fmt.Errorf("looking for the folder of the results: %w", err)
		default:
			dir = parent
		}
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.3g %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
