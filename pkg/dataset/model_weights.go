package dataset

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// indexes are the files that say which shards there are, with the extension of these. The first one that counts is checked.
var indexes = []struct{ file, ext string }{
	{"model.safetensors.index.json", ".safetensors"},
	{"pytorch_model.bin.index.json", ".bin"},
}

// trainerStates are no weights, though they look like such.
var trainerStates = []string{"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth"}

func isWeights(name string) bool {
	return slices.Contains([]string{".safetensors", ".bin", ".pt", ".pth", ".gguf", ".tensors"}, filepath.Ext(name)) &&
		!slices.Contains(trainerStates, name)
}

// checkAllWeights wants weights, and all of them: those that an index names, or those that the names of the shards tell of. Of
// several kinds the server loads one, safetensors rather than anything else.
func (m *fileCheck) checkAllWeights() {
	weights := m.named(isWeights)
	if safe := withExt(weights, ".safetensors"); len(safe) > 0 {
		weights = safe
	}
	for _, index := range indexes {
		// An index of files that were left out in favour of others means nothing.
		if m.has(index.file) && (len(weights) == 0 || len(withExt(weights, index.ext)) > 0) {
			m.checkIndex(index.file)
			return
		}
	}
	if len(weights) == 0 {
		m.report(ModelFinding{Path: m.dir, Problem: "no weights (*.safetensors, *.bin, *.pt, *.gguf)", Advice: completeIt, missing: true})
		return
	}
	if missing := missingShards(weights); len(missing) > 0 {
		m.reportMissing(missing)
	}
	m.checkWeights(weights)
}

func withExt(names []string, ext string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return filepath.Ext(name) != ext })
}

// checkIndex checks the shards that an index names.
func (m *fileCheck) checkIndex(file string) {
	if !m.usable(file) {
		return
	}
	var index struct {
		Shards map[string]string `json:"weight_map"`
	}
	path := filepath.Join(m.dir, file)
	if _, err := readJSON(path, &index); err != nil {
		m.report(ModelFinding{Path: path, Problem: err.Error(), Advice: downloadIt})
		return
	}
	var present, missing []string
	for _, shard := range index.Shards {
		if m.has(shard) {
			present = append(present, shard)
		} else {
			missing = append(missing, clip(shard))
		}
	}
	present, missing = distinct(present), distinct(missing)
	switch {
	case len(index.Shards) == 0:
		m.report(ModelFinding{Path: path, Problem: "names no weights (weight_map)", Advice: downloadIt})
	case len(missing) > 0:
		m.reportMissing(missing)
	}
	m.checkWeights(present)
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func (m *fileCheck) reportMissing(shards []string) {
	list := strings.Join(shards[:min(len(shards), maxListed)], ", ")
	if n := len(shards) - maxListed; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	m.report(ModelFinding{Path: m.dir, Problem: "weights are missing: " + list, Advice: completeIt, missing: true})
}

// shardName is how shards are named: model-00002-of-00004.safetensors.
var shardName = regexp.MustCompile(`^(.*-)(\d{1,5})(-of-(\d{1,5})\.[a-z]+)$`)

// missingShards are the names of those shards that the names of others tell of.
func missingShards(names []string) []string {
	var missing []string
	present, done := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		present[name] = true
	}
	for _, name := range names {
		part := shardName.FindStringSubmatch(name)
		if part == nil || done[part[1]+part[3]] {
			continue
		}
		done[part[1]+part[3]] = true
		total, _ := strconv.Atoi(part[4])
		// Most count from 1; a shard 0 tells that these do not.
		first := 1
		shard := func(i int) string { return fmt.Sprintf("%s%0*d%s", part[1], len(part[2]), i, part[3]) }
		if present[shard(0)] {
			first = 0
		}
		for i := first; i < first+total; i++ {
			if shard := shard(i); !present[shard] {
				missing = append(missing, shard)
			}
		}
	}
	return missing
}

// checkWeights checks files of weights that are there.
func (m *fileCheck) checkWeights(names []string) {
	for _, name := range names {
		if !m.usable(name) || filepath.Ext(name) != ".safetensors" {
			continue
		}
		path := filepath.Join(m.dir, name)
		if err := checkSafetensors(path, m.sizes[name]); err != nil {
			m.report(ModelFinding{Path: path, Problem: err.Error(), Advice: downloadIt})
		}
	}
}

// maxSafetensorsHeader is the largest header that the safetensors library reads.
const maxSafetensorsHeader = 100_000_000

// checkSafetensors holds the size of a file against its header: eight bytes with the header's length, the header in JSON, and
// the tensors, which it tells the places of.
func checkSafetensors(path string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading it: %w", bareCause(err))
	}
	defer file.Close()
	var length uint64
	if err := binary.Read(file, binary.LittleEndian, &length); err != nil {
		return fmt.Errorf("cut off: it has %d bytes", size)
	}
	if length > maxSafetensorsHeader {
		return fmt.Errorf("damaged, or no safetensors: its header would have %d bytes", length)
	}
	if int64(length) > size-8 {
		return fmt.Errorf("cut off: it has %d bytes, its header alone would have %d", size, length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(file, header); err != nil {
		return fmt.Errorf("reading it: %w", bareCause(err))
	}
	end, err := safetensorsEnd(header)
	if err != nil {
		return fmt.Errorf("damaged: %w", err)
	}
	switch data := uint64(size-8) - length; {
	case data < end:
		return fmt.Errorf("cut off: it lacks %d bytes", end-data)
	case data > end:
		return fmt.Errorf("damaged: it has %d bytes more than its header tells of", data-end)
	}
	return nil
}

// safetensorsEnd is where the last tensor ends by the header, counted from the end of the header.
func safetensorsEnd(header []byte) (uint64, error) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return 0, errors.New("its header is not JSON")
	}
	var end uint64
	for name, entry := range entries {
		if name == "__metadata__" {
			continue
		}
		var tensor struct {
			Offsets [2]*uint64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(entry, &tensor); err != nil || tensor.Offsets[1] == nil {
			return 0, fmt.Errorf("its header does not tell where %s is", clip(name))
		}
		end = max(end, *tensor.Offsets[1])
	}
	return end, nil
}

// readHead reads up to n bytes from the beginning of a file.
func readHead(path string, n int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, int64(n)))
}
