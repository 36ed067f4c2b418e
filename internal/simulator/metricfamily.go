package simulator

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// family is one metric with its series, in the order in which the Python client writes them.
type family struct {
	name, help, kind string // kind: counter, gauge or histogram
	series           []*series
	// created is when the series began, in seconds since 1970; counters and histograms tell it.
	created float64
}

// label is one name and value of a series.
type label struct{ name, value string }

// series is a family's number under a set of labels.
type series struct {
	labels []label // sorted by name
	value  float64
	hist   *histogram
}

func (s *series) set(v float64) { s.value = v }

func (s *series) add(v float64) { s.value += v }

func (s *series) observe(v float64) { s.hist.observe(v) }

// histogram counts observations up to each bound, the last one being +Inf.
type histogram struct {
	bounds []float64
	counts []uint64
	sum    float64
}

func newHistogram(bounds []float64) *histogram {
	return &histogram{bounds: append(slices.Clone(bounds), math.Inf(1)), counts: make([]uint64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i]++
	h.sum += v
}

// with adds a series under labels, which it sorts.
func (f *family) with(labels ...label) *series {
	slices.SortFunc(labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
	s := &series{labels: labels}
	f.series = append(f.series, s)
	return s
}

// appendTo writes the family in the Prometheus text format.
func (f *family) appendTo(b []byte) []byte {
	name := f.name
	if f.kind == "counter" {
		name += "_total"
	}
	b = appendHeader(b, name, f.help, f.kind)
	for _, s := range f.series {
		if f.kind == "histogram" {
			b = s.appendHistogram(b, name)
			continue
		}
		b = appendSample(b, name, s.labels, s.value)
	}
	if f.kind == "gauge" {
		return b
	}
	b = appendHeader(b, f.name+"_created", f.help, "gauge")
	for _, s := range f.series {
		b = appendSample(b, f.name+"_created", s.labels, f.created)
	}
	return b
}

func (s *series) appendHistogram(b []byte, name string) []byte {
	var total uint64
	for i, bound := range s.hist.bounds {
		total += s.hist.counts[i]
		labels := append(slices.Clone(s.labels), label{"le", goFloat(bound)})
		slices.SortFunc(labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
		b = appendSample(b, name+"_bucket", labels, float64(total))
	}
	b = appendSample(b, name+"_count", s.labels, float64(total))
	return appendSample(b, name+"_sum", s.labels, s.hist.sum)
}

func appendHeader(b []byte, name, help, kind string) []byte {
	b = append(append(append(b, "# HELP "...), name...), ' ')
	b = append(append(b, help...), "\n# TYPE "...)
	b = append(append(append(b, name...), ' '), kind...)
	return append(b, '\n')
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func appendSample(b []byte, name string, labels []label, value float64) []byte {
	b = append(b, name...)
	for i, l := range labels {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		b = append(append(append(b, separator), l.name...), `="`...)
		b = append(append(b, labelEscaper.Replace(l.value)...), '"')
	}
	if len(labels) > 0 {
		b = append(b, '}')
	}
	b = append(append(b, ' '), goFloat(value)...)
	return append(b, '\n')
}

// goFloat writes a number as Python's Prometheus client does: Python's notation, but with an exponent from a million on.
func goFloat(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	text := pyFloat(v).String()
	dot := strings.IndexByte(text, '.')
	if v <= 0 || dot <= 6 || strings.Contains(text, "e") {
		return text
	}
	mantissa := strings.TrimRight(text[:1]+"."+text[1:dot]+text[dot+1:], "0.")
	return mantissa + "e+0" + strconv.Itoa(dot-1)
}
