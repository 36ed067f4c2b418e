package selftest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// The files of a level in Options.Keep, in a folder named after its streams: the client's records, what the metronome noted, and
// how the clock of the one carries over to the other's.
const (
	recordsFile = "records.jsonl"
	truthFile   = "truth.jsonl"
	clockFile   = "clock.json"
)

// folder is where a level leaves its files: below Options.Keep, or in the temporary one.
func (s *session) folder(streams int) (string, error) {
	if s.Keep == "" {
		return s.dir, nil
	}
	dir := filepath.Join(s.Keep, strconv.Itoa(streams))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a folder for what is kept: %w", err)
	}
	return dir, nil
}

// keepClock stores what turns an offset of a record into an instant of the truth, in nanoseconds: start_ns + offset.
func keepClock(dir string, start int64) error {
	data, err := json.MarshalIndent(map[string]int64{"schema": Schema, "start_ns": start}, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, clockFile), append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keeping the clock: %w", err)
	}
	return nil
}
