// Package telemetry is what is sampled beside a pass: the server's own counters, the traces of its requests, and the GPUs.
//
// The text of /metrics before and after a pass goes through ParseMetrics; Delta gives by how much a counter, or the sum
// or count of a histogram, grew in between. Names are those of vLLM, whose spelling changed over time: any of the
// spellings finds the value.
//
// ListenTraces starts a receiver for the server's OpenTelemetry spans; TraceFlag and TraceEnv make the server send them. After
// a pass TraceReceiver.Wait returns when every request has its span, and Requests gives their times. The receiver takes what
// any program on this machine may send: sizes and counts are bounded, and nothing it gets can end the program.
//
// FindGPUTool finds the program of a vendor that tells of its GPUs; GPUTool.State runs it for all that it tells, GPUTool.Readings
// for what changes with the load.
package telemetry

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is one sample of a server's metrics. The zero value holds nothing.
type Metrics struct {
	// series are the values by name; histograms and summaries are there as name_sum and name_count.
	series map[string][]series
}

type series struct {
	labels map[string]string
	value  float64
	// grows is true for what only ever grows while the server lives.
	grows bool
}

// Label selects series: those whose label Name has the value Value.
type Label struct{ Name, Value string }

// ParseMetrics reads the Prometheus text format. The error says in which line the text is wrong.
func ParseMetrics(text []byte) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return Metrics{}, fmt.Errorf("parsing metrics: %w", err)
	}
	m := Metrics{series: make(map[string][]series, len(families))}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			m.add(name, family.GetType(), metric)
		}
	}
	return m, nil
}

func (m Metrics) add(name string, kind dto.MetricType, metric *dto.Metric) {
	labels := make(map[string]string, len(metric.GetLabel()))
	for _, pair := range metric.GetLabel() {
		labels[pair.GetName()] = pair.GetValue()
	}
	put := func(suffix string, value float64, grows bool) {
		m.series[name+suffix] = append(m.series[name+suffix], series{labels, value, grows})
	}
	switch kind {
	case dto.MetricType_COUNTER:
		put("", metric.GetCounter().GetValue(), true)
	case dto.MetricType_GAUGE:
		put("", metric.GetGauge().GetValue(), false)
	case dto.MetricType_UNTYPED:
		put("", metric.GetUntyped().GetValue(), false)
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		put("_sum", metric.GetHistogram().GetSampleSum(), true)
		put("_count", histogramCount(metric.GetHistogram()), true)
	case dto.MetricType_SUMMARY:
		put("_sum", metric.GetSummary().GetSampleSum(), true)
		put("_count", float64(metric.GetSummary().GetSampleCount()), true)
	}
}

func histogramCount(h *dto.Histogram) float64 {
	if h.SampleCountFloat != nil {
		return h.GetSampleCountFloat()
	}
	return float64(h.GetSampleCount())
}

// Sum adds up a metric over its series: over engines, adapters, finish reasons, or only those that have the given labels.
// The name may be given with or without "vllm:" and, for a counter, with or without "_total"; a metric that vLLM renamed
// is found under its old name too. For a histogram ask name_sum and name_count. The second result is false when the
// server does not have the metric, when no series has the labels, and when the sum is not a number.
func (m Metrics) Sum(name string, labels ...Label) (float64, bool) {
	total := 0.0
	found := m.matching(name, labels)
	for _, s := range found {
		total += s.value
	}
	return total, len(found) > 0 && !math.IsNaN(total)
}

// Delta is by how much a metric grew from before to after, with the names and labels of Metrics.Sum. A counter whose
// labels first appear in after grew from 0, as that is how a server shows a first event. The second result is false when
// either sample does not have the metric, and when a counter shrank: then the server was another one.
func Delta(before, after Metrics, name string, labels ...Label) (float64, bool) {
	if _, known := before.Sum(name); !known {
		return 0, false
	}
	end, ok := after.Sum(name, labels...)
	if !ok {
		return 0, false
	}
	grows := after.matching(name, labels)[0].grows
	begin, ok := before.Sum(name, labels...)
	if !ok && !grows {
		return 0, false
	}
	if grows && end < begin {
		return 0, false
	}
	return end - begin, true
}

// DeltaBy is Delta for each value of a label. The second result is that of Delta for the whole metric.
func DeltaBy(before, after Metrics, name, label string) (map[string]float64, bool) {
	if _, ok := Delta(before, after, name); !ok {
		return nil, false
	}
	grown := map[string]float64{}
	for _, s := range after.matching(name, nil) {
		value := s.labels[label]
		if _, done := grown[value]; done {
			continue
		}
		if by, ok := Delta(before, after, name, Label{label, value}); ok {
			grown[value] = by
		}
	}
	return grown, true
}

// Labels are those of the first series of a metric: that of the first engine where each has one. The second result is
// false when the server does not have the metric.
func (m Metrics) Labels(name string) (map[string]string, bool) {
	found := m.matching(name, nil)
	if len(found) == 0 {
		return nil, false
	}
	return found[0].labels, true
}

// matching returns the series of the first spelling that the sample has.
func (m Metrics) matching(name string, labels []Label) []series {
	for _, spelling := range spellings(name) {
		if all, ok := m.series[spelling]; ok {
			return withLabels(all, labels)
		}
	}
	return nil
}

func withLabels(all []series, labels []Label) []series {
	if len(labels) == 0 {
		return all
	}
	var some []series
	for _, s := range all {
		if s.has(labels) {
			some = append(some, s)
		}
	}
	return some
}

func (s series) has(labels []Label) bool {
	for _, l := range labels {
		if value, ok := s.labels[l.Name]; !ok || value != l.Value {
			return false
		}
	}
	return true
}

// renamed are the metrics that lost their "gpu_" when vLLM had more than GPUs, by their new name.
var renamed = map[string]string{
	"vllm:kv_cache_usage_perc":  "vllm:gpu_cache_usage_perc",
	"vllm:prefix_cache_queries": "vllm:gpu_prefix_cache_queries",
	"vllm:prefix_cache_hits":    "vllm:gpu_prefix_cache_hits",
}

// spellings are the names that a metric may have, the likeliest first.
func spellings(name string) []string {
	all := []string{name}
	if !strings.HasPrefix(name, "vllm:") {
		name = "vllm:" + name
		all = append(all, name)
	}
	bare := strings.TrimSuffix(name, "_total")
	all = append(all, bare+"_total", bare)
	for now, then := range renamed {
		switch bare {
		case now:
			all = append(all, then+"_total", then)
		case then:
			all = append(all, now+"_total", now)
		}
	}
	return all
}
