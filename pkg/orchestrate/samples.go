package orchestrate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
	"github.com/squeezebits/sqzb-orchestrate/pkg/telemetry"
)

// sample is one look at the server's gauges during a pass: one line of metrics-during.jsonl.
type sample struct {
	// Schema is report.SchemaVersion; 0 stands for version 1, which did not say it.
	Schema int `json:"schema,omitempty"`
	// At is in seconds from the start of the pass.
	At float64 `json:"at_s"`
	// Running and Waiting are numbers of requests.
	Running float64 `json:"running"`
	Waiting float64 `json:"waiting"`
}

// The server is looked at seldom, since it renders its metrics in the process that also serves the requests: after
// firstSample, then after twice as long each time, up to every lastSample.
const (
	firstSample = 500 * time.Millisecond
	lastSample  = 10 * time.Second
)

// sampleGauges looks at the server's gauges until ctx ends, and returns what it saw.
func (p *pass) sampleGauges(ctx context.Context) []sample {
	var list []sample
	startedAt := time.Now()
	for wait := firstSample; pause(ctx, wait); wait = min(2*wait, lastSample) {
		text, err := p.control.Metrics(ctx)
		if err != nil {
			continue
		}
		m, err := telemetry.ParseMetrics(text)
		if err != nil {
			continue
		}
		running, known := m.Sum("vllm:num_requests_running")
		waiting, also := m.Sum("vllm:num_requests_waiting")
		if known && also {
			list = append(list, sample{Schema: report.SchemaVersion, At: time.Since(startedAt).Seconds(), Running: running, Waiting: waiting})
		}
	}
	return list
}

// startSampling samples beside a pass; the function that it returns ends that and stores the samples.
func (p *pass) startSampling(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan []sample, 1)
	go func() { done <- p.sampleGauges(ctx) }()
	return func() {
		cancel()
		if err := writeSamples(filepath.Join(p.dir, report.MetricsDuringFile), <-done); err != nil {
			p.o.Observe(Note{Text: "storing samples of the server's load: " + err.Error()})
		}
	}
}

func writeSamples(path string, list []sample) error {
	if len(list) == 0 {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, s := range list {
		if err := enc.Encode(s); err != nil {
			return err
		}
	}
	return report.WriteFile(path, b.Bytes())
}

func readSamples(path string) ([]sample, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []sample
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var s sample
		if err := json.Unmarshal(line, &s); err != nil {
			return nil, fmt.Errorf("reading samples of the server's load: %s:%d: %w", path, i+1, err)
		}
		if s.Schema > report.SchemaVersion {
			return nil, fmt.Errorf("reading samples of the server's load: %s:%d: schema version %d; this program reads up to %d",
				path, i+1, s.Schema, report.SchemaVersion)
		}
		list = append(list, s)
	}
	return list, nil
}

// summed is the mean over time and the maximum of a gauge, nil without samples: each sample stands for the time since the
// one before it.
func summed(list []sample, gauge func(sample) float64) *report.Samples {
	if len(list) == 0 {
		return nil
	}
	var s report.Samples
	before := 0.0
	for _, one := range list {
		s.Mean += gauge(one) * (one.At - before)
		s.Max = max(s.Max, gauge(one))
		before = one.At
	}
	s.Mean /= before
	return &s
}
