package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// trace moves the times of the responses into spans, the full pass' joined by trace id, the other's by the server's id.
func trace(run *Run) {
	run.Spans = map[string][]Span{}
	for i, records := range [][]bench.Record{run.Full, run.Summarization} {
		pass := []string{PassFull, PassSummarization}[i]
		for row := range records {
			r := &records[row]
			s := Span{RequestID: "cmpl-" + r.RequestID + "-0", QueueMS: r.Server.QueueMS, PrefillMS: r.Server.PrefillMS,
				DecodeMS: r.Server.DecodeMS}
			if pass == PassFull {
				r.TraceID = strings.Repeat(string(rune('a'+row)), 32)
				s.TraceID = r.TraceID
			}
			r.Server = nil
			run.Spans[pass] = append([]Span{s}, run.Spans[pass]...)
		}
	}
}

func noResponses(run *Run) {
	for _, records := range [][]bench.Record{run.Full, run.Summarization} {
		for row := range records {
			records[row].Server = nil
		}
	}
}

// A source that the server would not start with is told of, whatever serves in its place.
func TestRefusedSource(t *testing.T) {
	run := provenRun()
	text := "the server does not start with what the source response needs: \x1b[31mno such flag"
	run.Manifest.Timings.Refused = &text
	got := Summarize(run)
	want := Note{"ttft_source", "the server does not start with what the source response needs: \uFFFD[31mno such flag; the server was " +
		"started once more without it"}
	if len(got.Notes) == 0 || got.Notes[0] != want {
		t.Errorf("notes: got %q, want the first to be %q", got.Notes, want)
	}
	if got.Verdict != Valid {
		t.Errorf("verdict: got %s, want %s", got.Verdict, Valid)
	}
}

// One source for a whole run, the best that every successful request of both passes has.
func TestSource(t *testing.T) {
	wanted := func(source string) func(*Run) {
		return func(r *Run) { r.Manifest.Timings.Wanted, r.Manifest.Timings.Source = source, TTFTSource(source) }
	}
	for _, tc := range []struct {
		name   string
		change []func(*Run)
		want   TTFTSource
		note   string // of the sources passed over; empty for none
	}{
		{"response", nil, SourceResponse, ""},
		{"response, not asked for", []func(*Run){func(r *Run) { r.Manifest.Timings = Timings{} }}, SourceResponse, ""},
		{"one response without", []func(*Run){func(r *Run) { r.Full[2].Server = nil }}, SourceHistogram,
			"times are by the source histogram, since response is missing for 1 of 8 successful requests (full 1, summarization 0)"},
		{"one response without a part", []func(*Run){func(r *Run) { r.Summarization[2].Server.QueueMS = nil }}, SourceHistogram,
			"since response is missing for 1 of 8 successful requests (full 0, summarization 1)"},
		{"one response with what is no time", []func(*Run){func(r *Run) { *r.Full[0].Server.DecodeMS = -1 }}, SourceHistogram,
			"since response is missing for 1 of 8"},
		{"a failed request needs none", []func(*Run){func(r *Run) { fail(&r.Full[2], "cut_stream", ""); r.Full[2].Server = nil }},
			SourceResponse, ""},
		{"no summarization pass", []func(*Run){func(r *Run) { r.Summarization, r.Manifest.Passes = nil, r.Manifest.Passes[:1] }},
			SourceResponse, ""},
		{"trace", []func(*Run){trace}, SourceTrace, "times are by the source trace, since response is missing for 8 of 8"},
		{"trace, as expected", []func(*Run){trace, func(r *Run) { r.Manifest.Timings.Source = SourceTrace }}, SourceTrace, ""},
		{"a span is missing", []func(*Run){trace, wanted("trace"), func(r *Run) { r.Spans[PassFull] = r.Spans[PassFull][1:] }},
			SourceHistogram, "since trace is missing for 1 of 8 successful requests (full 1, summarization 0)"},
		{"a request has two spans", []func(*Run){trace, wanted("trace"), func(r *Run) {
			r.Spans[PassSummarization] = append(r.Spans[PassSummarization], r.Spans[PassSummarization][0], Span{
				RequestID: r.Summarization[1].RequestID, QueueMS: ptr(7.0), PrefillMS: ptr(8.0), DecodeMS: ptr(9.0)})
		}}, SourceHistogram, "since trace is missing for 1 of 8 successful requests (full 0, summarization 1)"},
		{"histogram", []func(*Run){noResponses, wanted("histogram")}, SourceHistogram, ""},
		{"histogram although there is better", []func(*Run){wanted("histogram")}, SourceHistogram, ""},
		{"histograms of somebody else too", []func(*Run){noResponses, func(r *Run) {
			recount(r, PassFull, func(c *Counters) { c.Prefill = &TimeSum{1, 5} })
		}}, SourceClient, "since response is missing for 8 of 8 successful requests (full 4, summarization 4), and histogram " +
			"counted 5 requests in the full pass, where 4 succeeded"},
		{"no histogram in one pass", []func(*Run){noResponses, wanted("histogram"), func(r *Run) {
			delete(r.Counters, PassSummarization)
		}}, SourceClient, "since histogram is missing for the summarization pass"},
		{"client although there is better", []func(*Run){wanted("client")}, SourceClient, ""},
		{"nothing better, nothing expected", []func(*Run){noResponses, func(r *Run) {
			r.Counters, r.Manifest.Timings = nil, Timings{}
		}}, SourceClient, ""},
		{"nothing succeeded", []func(*Run){func(r *Run) { r.Full, r.Summarization = nil, nil }}, SourceClient, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := provenRun()
			for _, change := range tc.change {
				change(&run)
			}
			s := Summarize(run)
			if s.TTFTSource != tc.want {
				t.Errorf("got source %s, want %s", s.TTFTSource, tc.want)
			}
			got := ""
			for _, n := range s.Notes {
				if n.Rule == "ttft_source" && strings.Contains(n.Text, "since ") {
					got += n.Text
				}
			}
			if !strings.Contains(got, tc.note) || (tc.note == "") != (got == "") {
				t.Errorf("got note %q, want %q", got, tc.note)
			}
		})
	}
}

// Response and trace tell the same of the same requests.
func TestTraceEqualsResponse(t *testing.T) {
	run := provenRun()
	want := Summarize(run)
	trace(&run)
	got := Summarize(run)
	if diff := cmp.Diff(got.FullDistributions, want.FullDistributions); diff != "" {
		t.Errorf("full pass (-trace +response):\n%s", diff)
	}
	if diff := cmp.Diff(got.Summarization, want.Summarization); diff != "" {
		t.Errorf("summarization pass (-trace +response):\n%s", diff)
	}
	if diff := cmp.Diff(got.Totals, want.Totals); diff != "" {
		t.Errorf("totals (-trace +response):\n%s", diff)
	}
}
