package telemetry

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gpuVendor is how a vendor's tool is talked to.
type gpuVendor struct {
	program string
	fields  gpuFields
	args    func(names []string) []string
	// refused are the names that a failed call did not know, by what it answered and what it was asked for.
	refused func(answer string, names []string) []string
	// parse reads an answer. GPUs that come with an error count for nothing.
	parse func(fields gpuFields, answer string) ([]GPU, error)
	// visible is true where CUDA_VISIBLE_DEVICES is the variable that says which GPUs a program may use.
	visible bool
}

func gpuVendors() []gpuVendor {
	return []gpuVendor{
		{"nvidia-smi", nvidiaFields(), nvidiaArgs, nvidiaRefused, parseCSV, true},
		{"rocm-smi", amdFields(), amdArgs, refusesNone, parseAMD, false},
		{"hl-smi", gaudiFields(), gaudiArgs, gaudiRefused, parseCSV, false},
	}
}

func refusesNone(string, []string) []string { return nil }

// GPUTool is the tool of a vendor of GPUs, which it asks by running it, one process at a time. It is for one goroutine at a
// time. A tool that once did not answer in time is not run again.
type GPUTool struct {
	vendor  gpuVendor
	path    string
	env     []string
	timeout time.Duration
	// refused are the names that the tool does not know.
	refused []string
	// mine are the UUIDs that the latest State told of.
	mine []string
	// hangs is how it once failed to answer.
	hangs error
}

// gpuTimeout is how long a tool may take to answer.
const gpuTimeout = 5 * time.Second

// FindGPUTool looks for the tool of a vendor on the PATH of an environment (NAME=value), in which it will run. It is nil
// when there is none. Nothing is run.
func FindGPUTool(env []string) *GPUTool {
	for _, v := range gpuVendors() {
		for _, dir := range filepath.SplitList(value(env, "PATH")) {
			path := filepath.Join(dir, v.program)
			info, err := os.Stat(path)
			if err == nil && filepath.IsAbs(path) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return &GPUTool{vendor: v, path: path, env: env, timeout: gpuTimeout}
			}
		}
	}
	return nil
}

// Name is that of the program: nvidia-smi, rocm-smi, hl-smi.
func (t *GPUTool) Name() string { return t.vendor.program }

// State tells all of the GPUs that programs in the tool's environment can use, as far as that is known; none is no error. When
// ctx ends, so does the tool.
func (t *GPUTool) State(ctx context.Context) ([]GPU, error) {
	list, err := t.ask(ctx, func(gpuField) bool { return true })
	if err != nil {
		return nil, err
	}
	if t.vendor.visible {
		list = visibleGPUs(list, t.env)
	}
	t.mine = make([]string, len(list))
	for i, g := range list {
		t.mine[i] = g.UUID
	}
	return list, nil
}

// Readings tells only what changes with the load, of the GPUs that the latest State told of; of none before there was one.
func (t *GPUTool) Readings(ctx context.Context) ([]GPU, error) {
	list, err := t.ask(ctx, func(f gpuField) bool { return f.reading })
	return slices.DeleteFunc(list, func(g GPU) bool { return !slices.Contains(t.mine, g.UUID) }), err
}

// ask runs the tool until it refuses none of the fields that are wanted.
func (t *GPUTool) ask(ctx context.Context, wanted func(gpuField) bool) ([]GPU, error) {
	for {
		fields, names := t.choose(wanted)
		answer, err := t.run(ctx, t.vendor.args(names))
		if err == nil {
			list, err := t.vendor.parse(fields, answer)
			if err != nil {
				return nil, t.wrap(err)
			}
			return list, nil
		}
		if ctx.Err() != nil || t.hangs != nil {
			return nil, t.wrap(err)
		}
		if strings.Contains(answer, noDevices) {
			return nil, nil
		}
		if !t.refuse(t.vendor.refused(answer, names), names) {
			return nil, t.wrap(err)
		}
	}
}

// choose are the wanted fields that the tool has a name for, and those names.
func (t *GPUTool) choose(wanted func(gpuField) bool) (fields gpuFields, names []string) {
	for _, f := range t.vendor.fields {
		i := slices.IndexFunc(f.names, func(name string) bool { return !slices.Contains(t.refused, name) })
		if i >= 0 && wanted(f) {
			fields, names = append(fields, f), append(names, f.names[i])
		}
	}
	return fields, names
}

// refuse notes names that are not to be asked for again, and reports whether any of them was, and can be done without.
func (t *GPUTool) refuse(refused, asked []string) bool {
	some := false
	for _, name := range refused {
		if slices.ContainsFunc(identity(), func(f gpuField) bool { return slices.Contains(f.names, name) }) {
			return false
		}
		if slices.Contains(asked, name) {
			t.refused, some = append(t.refused, name), true
		}
	}
	return some
}

func (t *GPUTool) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("asking %s: %w", t.vendor.program, err)
}
