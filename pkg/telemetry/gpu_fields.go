package telemetry

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// gpuField is one thing that a tool can be asked for.
type gpuField struct {
	// names are its spellings, the best first: of those that the tool does not refuse, the first one is asked for.
	names []string
	// reading is true for what changes with the load; the others are only asked for with the state.
	reading bool
	// set puts a cell into a GPU; it is not called for a cell that says that there is nothing to tell.
	set func(*GPU, string) error
}

// gpuFields are what a vendor's tool is asked for, in this order. The first two are index and uuid.
type gpuFields []gpuField

// identity are the fields without which nothing can be told of a GPU.
func identity() gpuFields {
	return gpuFields{
		{names: []string{"index"}, reading: true, set: func(g *GPU, cell string) (err error) {
			g.Index, err = strconv.Atoi(cell)
			if err == nil && g.Index < 0 {
				err = errors.New("below 0")
			}
			return err
		}},
		{names: []string{"uuid"}, reading: true, set: func(g *GPU, cell string) error { g.UUID = cell; return nil }},
	}
}

// fact is a field that is a text, reading one that is a number that changes, setting one that does not.
func fact(name string, at func(*GPU) *string) gpuField {
	return gpuField{names: []string{name}, set: func(g *GPU, cell string) error { *at(g) = cell; return nil }}
}

func setting(name string, at func(*GPU) **float64) gpuField {
	return gpuField{names: []string{name}, set: func(g *GPU, cell string) (err error) {
		*at(g), err = gpuNumber(cell)
		return err
	}}
}

func reading(name string, at func(*GPU) **float64) gpuField {
	f := setting(name, at)
	f.reading = true
	return f
}

// gpuNumber is a number with or without its unit.
func gpuNumber(cell string) (*float64, error) {
	number, unit, _ := strings.Cut(cell, " ")
	switch unit {
	case "", "W", "MHz", "MiB", "C", "%":
	default:
		return nil, fmt.Errorf("unknown unit %q", unit)
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || v < 0 {
		return nil, fmt.Errorf("not a number: %q", number)
	}
	return &v, nil
}

// untold reports whether a cell says that there is nothing to tell: [N/A], [Not Supported], [Unknown Error], N/A, …
func untold(cell string) bool {
	return cell == "" || cell == "N/A" || strings.HasPrefix(cell, "[") && strings.HasSuffix(cell, "]")
}

// parseCSV reads a tool's answer: a line for each GPU, with a cell for each field. Any other shape is an error.
func parseCSV(fields gpuFields, text string) ([]GPU, error) {
	var list []GPU
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		g, err := fields.parseLine(line)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, unique(list)
}

// unique makes sure that a UUID names one GPU.
func unique(list []GPU) error {
	seen := map[string]bool{}
	for _, g := range list {
		if seen[g.UUID] {
			return fmt.Errorf("two GPUs with the UUID %q", g.UUID)
		}
		seen[g.UUID] = true
	}
	return nil
}

func (fields gpuFields) parseLine(line string) (GPU, error) {
	cells := strings.Split(line, ",")
	if len(cells) != len(fields) {
		return GPU{}, fmt.Errorf("%d cells where %d were asked for: %q", len(cells), len(fields), short(line))
	}
	var g GPU
	for i, f := range fields {
		cell := strings.TrimSpace(cells[i])
		if untold(cell) {
			if i < len(identity()) {
				return GPU{}, fmt.Errorf("a GPU without %s: %q", f.names[0], short(line))
			}
			continue
		}
		if err := f.set(&g, cell); err != nil {
			return GPU{}, fmt.Errorf("%s: %w", f.names[0], err)
		}
	}
	return g, nil
}

// short is a text that fits into a message.
func short(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
