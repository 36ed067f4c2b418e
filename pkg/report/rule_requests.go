package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// ruleFailedRequests: more failed requests in a pass than max_failed make the run invalid, fewer make it suspect, because
// tokens and rates then count the successful ones only.
func ruleFailedRequests(e *evidence) []Reason {
	limit := e.summary.Thresholds.MaxFailed
	var reasons []Reason
	for _, p := range e.passes() {
		n := len(p.failed)
		if n == 0 {
			continue
		}
		first := p.failed[0]
		what := fmt.Sprintf("%d of %s of the %s pass failed (%s); the first, row %d: %s", n,
			count(len(p.records), "request"), p.name, classList(p.errorClasses()), first.Index, errorText(first))
		if n > limit {
			reasons = append(reasons, invalid("failed_requests", "%s; verdict.max_failed allows %d; "+
				"error texts are in %s/%s", what, limit, p.name, RecordsFile))
			continue
		}
		reasons = append(reasons, suspect("failed_requests", "%s; tolerated by verdict.max_failed = %d, but tokens and "+
			"rates count the successful ones only", what, limit))
	}
	return reasons
}

func errorText(r *bench.Record) string {
	if r.Error == "" {
		return string(r.ErrorClass)
	}
	return r.Error
}

// classList is "connect 2, cut_stream 1", by name.
func classList(classes map[string]int) string {
	var list []string
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		list = append(list, fmt.Sprintf("%s %d", class, classes[class]))
	}
	return strings.Join(list, ", ")
}

// ruleRecords: every planned request has exactly one record, and every success all its instants and counts.
func ruleRecords(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		if p.pass != nil && p.planned() != len(p.records) {
			reasons = append(reasons, invalid("records", "%s planned in the %s pass, but %s in %s/%s; every request must be "+
				"accounted for: run again", count(p.planned(), "request"), p.name, count(len(p.records), "record"), p.name,
				RecordsFile))
		}
		if row, n := repeated(p.records); n > 0 {
			reasons = append(reasons, invalid("records", "%s of the %s pass repeated in %s/%s, the first of them row %d; each "+
				"row is sent once: run again", count(n, "row"), p.name, p.name, RecordsFile, row))
		}
		if n := len(p.hollow); n > 0 {
			reasons = append(reasons, invalid("records", "%s of the %s pass without an instant or a token count though "+
				"the request succeeded, the first of them row %d; no number is made of them: run again", count(n, "record"), p.name,
				p.hollow[0].Index))
		}
	}
	return reasons
}

// repeated counts the records, ordered by row, whose row has one already, and names the first such row.
func repeated(records []*bench.Record) (row, n int) {
	for i := 1; i < len(records); i++ {
		if records[i].Index != records[i-1].Index {
			continue
		}
		if n == 0 {
			row = records[i].Index
		}
		n++
	}
	return row, n
}
