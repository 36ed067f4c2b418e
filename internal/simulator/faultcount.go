package simulator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// within keeps the faults whose count is not used up yet, and counts this launch for them. The state is one empty file in dir
// for every launch that a fault has concerned, so that launches with the same command line can be told apart; two that start at
// the same time never get the same place.
func (p faultPlan) within(dir string) (faultPlan, error) {
	var plan faultPlan
	for _, f := range p {
		if f.count == 0 {
			plan = append(plan, f)
			continue
		}
		free, err := f.takePlace(dir)
		if err != nil {
			return nil, err
		}
		if free {
			plan = append(plan, f)
		}
	}
	return plan, nil
}

// takePlace makes the next file of the fault; false when it has as many as it counts.
func (f *fault) takePlace(dir string) (bool, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fmt.Errorf("making the folder of --sim-state: %w", err)
	}
	for n := range f.count {
		path := filepath.Join(dir, fmt.Sprintf("fault-%d-%s-launch-%d", f.index, f.kind.name, n))
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("counting a launch in --sim-state: %w", err)
		}
		return true, file.Close()
	}
	return false, nil
}
