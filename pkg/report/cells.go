package report

import (
	"fmt"
	"math"
	"strconv"
)

// absent is what people read for a number that is not there.
const absent = "–"

func intCell(n *int) string {
	if n == nil {
		return absent
	}
	return strconv.Itoa(*n)
}

// fixedCell is v with a fixed number of decimals.
func fixedCell(v *float64, decimals int) string {
	if v == nil {
		return absent
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}

// latencyCells are the three latencies in seconds with three decimals. The derived one is the difference of the two as they
// are shown: rounded by itself it would often be off by one in the last digit from what a reader subtracts.
func latencyCells(t Totals) (endToEnd, summarization, generation string) {
	endToEnd, summarization, generation = fixedCell(t.EndToEndLatency, 3), fixedCell(t.SummarizationLatency, 3), absent
	if t.GenerationLatency == nil || t.EndToEndLatency == nil || t.SummarizationLatency == nil {
		return endToEnd, summarization, generation
	}
	e, s := thousandths(*t.EndToEndLatency), thousandths(*t.SummarizationLatency)
	return thousandthsCell(e), thousandthsCell(s), thousandthsCell(e - s)
}

func thousandths(v float64) int64 { return int64(math.Round(v * 1000)) }

func thousandthsCell(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%03d", sign, n/1000, n%1000)
}

// distributionCells are n and the eight numbers of d, in the order of distributionHeads, all with the same decimals: as many
// as keep the largest at seven characters or so.
func distributionCells(d Distribution) []string {
	decimals, size := 3, 0.0
	for _, v := range []*float64{d.Mean, d.Min, d.Max} {
		if v != nil {
			size = max(size, math.Abs(*v))
		}
	}
	switch {
	case size >= 100_000:
		decimals = 0
	case size >= 1000:
		decimals = 1
	case size >= 10:
		decimals = 2
	}
	cells := []string{strconv.Itoa(d.N)}
	for _, v := range []*float64{d.Mean, d.Std, d.Min, d.Median, d.P90, d.P95, d.P99, d.Max} {
		cells = append(cells, fixedCell(v, decimals))
	}
	return cells
}

func distributionHeads() []string {
	return []string{"n", "mean", "std", "min", "median", "p90", "p95", "p99", "max"}
}
