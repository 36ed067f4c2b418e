package report

import "strings"

// Entry is one recipe in a comparison.
type Entry struct {
	Name string
	// Summary is nil when there is nothing to summarise.
	Summary *Summary
	// Failure is why the run ended early; empty when it did not.
	Failure string
}

// Comparison renders runs side by side for a terminal, one row each, and below the table why a run is not valid or has
// failed.
func Comparison(entries []Entry) []byte {
	t := comparisonTable(entries)
	t.heads = [][]string{
		{"run", "verdict", "end-to-end", "summ.", "gen.", "end-to-end", "summ.", "gen.", "TTFT", "TPOT"},
		{"", "", "s", "s", "s", "tok/s", "tok/s", "tok/s", "ms", "ms"},
	}
	var b strings.Builder
	b.WriteString(t.text())
	for _, remark := range remarks(entries) {
		b.WriteString(item(remark))
	}
	b.WriteString("\n" + strings.Join(wrap("summ. = summarization, gen. = generation; "+sourceLegend(entries), textWidth), "\n") +
		"\n")
	return []byte(b.String())
}

// ComparisonMarkdown renders the same for a pull request or a page.
func ComparisonMarkdown(entries []Entry) []byte {
	t := comparisonTable(entries)
	t.heads = [][]string{{"run", "verdict", "end-to-end, s", "summarization, s", "generation, s", "end-to-end, tok/s",
		"summarization, tok/s", "generation, tok/s", "TTFT median, ms", "TPOT median, ms"}}
	var b strings.Builder
	b.WriteString(t.markdown() + "\n")
	for _, remark := range remarks(entries) {
		b.WriteString("- " + escapeMarkdown(remark) + "\n")
	}
	b.WriteString("- " + escapeMarkdown(sourceLegend(entries)) + "\n")
	return []byte(b.String())
}

// sourceLegend says what TTFT and TPOT are; those of different sources do not compare.
func sourceLegend(entries []Entry) string {
	runs := map[TTFTSource][]string{}
	for _, e := range entries {
		if e.Summary != nil && e.Summary.TTFT.N > 0 {
			runs[e.Summary.TTFTSource] = append(runs[e.Summary.TTFTSource], printable(e.Name))
		}
	}
	var parts []string
	for _, source := range sources() {
		switch names := runs[source]; len(names) {
		case 0:
		case total(runs):
			return "TTFT and TPOT are medians " + sourceWords()[source] + "."
		default:
			parts = append(parts, sourceWords()[source]+" ("+strings.Join(names, ", ")+")")
		}
	}
	if len(parts) == 0 {
		return "TTFT and TPOT are medians."
	}
	return "TTFT and TPOT are medians of different sources, which do not compare: " + strings.Join(parts, "; ") + "."
}

func total(runs map[TTFTSource][]string) int {
	n := 0
	for _, names := range runs {
		n += len(names)
	}
	return n
}

func sourceWords() map[TTFTSource]string {
	return map[TTFTSource]string{
		SourceResponse:  "by the server's responses, without queueing",
		SourceTrace:     "by the server's traces, without queueing",
		SourceHistogram: "by the server's histograms, which have means only",
		SourceClient:    "by the client's clock, with queueing",
	}
}

func comparisonTable(entries []Entry) table {
	t := table{align: "llrrrrrrrr"}
	for _, e := range entries {
		t.rows = append(t.rows, comparisonRow(e))
	}
	return t
}

func comparisonRow(e Entry) []string {
	var s Summary
	if e.Summary != nil {
		s = *e.Summary
	}
	verdict := string(s.Verdict)
	if verdict == "" {
		verdict = absent
	}
	if e.Failure != "" {
		verdict = "failed"
	}
	endToEnd, summarization, generation := latencyCells(s.Totals)
	return []string{printable(e.Name), verdict, endToEnd, summarization, generation,
		fixedCell(s.EndToEndThroughput, 1), fixedCell(s.SummarizationThroughput, 1), fixedCell(s.GenerationThroughput, 1),
		fixedCell(s.TTFT.Median, 2), fixedCell(s.TPOT.Median, 2)}
}

// remarks say, for each run that is not valid, its failure or its weightiest reason.
func remarks(entries []Entry) []string {
	var list []string
	for _, e := range entries {
		switch {
		case e.Failure != "":
			list = append(list, printable(e.Name+": failed: "+e.Failure))
		case e.Summary != nil && len(e.Summary.Reasons) > 0:
			r := e.Summary.Reasons[0]
			list = append(list, printable(e.Name+": "+string(r.Severity)+", "+r.Rule+": "+r.Text))
		}
		if e.Summary != nil && e.Summary.ArrivalBound {
			list = append(list, printable(e.Name+": latencies and throughputs are arrival-bound"))
		}
	}
	return list
}
