package main

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// cmdScheduled is `scheduled RUN N ROW=MS…`: both passes of the run have N records, were sent by one schedule and not before it,
// and these rows were due at so many ms, to a thousandth.
func cmdScheduled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: scheduled RUN N ROW=MS…")
	}
	due := map[int]float64{}
	for _, pass := range []string{"full", "summarization"} {
		lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0]+"/"+pass+"/records.jsonl")), "\n")
		if got, want := len(lines), atoi(ts, args[1]); got != want {
			ts.Fatalf("%s pass: got %d records, want %d", pass, got, want)
		}
		for _, line := range lines {
			var r bench.Record
			ts.Check(json.Unmarshal([]byte(line), &r))
			at := float64(r.ScheduledNS) / 1e6
			if before, known := due[r.Index]; known && before != at || *r.SentNS < r.ScheduledNS {
				ts.Fatalf("%s pass, row %d: due at %v ms, in the full pass at %v ms, sent at %d ns", pass, r.Index, at, before, *r.SentNS)
			}
			due[r.Index] = at
		}
	}
	for _, arg := range args[2:] {
		row, text, _ := strings.Cut(arg, "=")
		want, err := strconv.ParseFloat(text, 64)
		ts.Check(err)
		if got := due[atoi(ts, row)]; math.Abs(got-want) > 0.001 {
			ts.Fatalf("row %s: got due at %.6f ms, want %v", row, got, want)
		}
	}
}
