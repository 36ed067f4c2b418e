package report

import (
	"fmt"
	"slices"
	"strings"
)

// layout is what the renderings for people show, in order; Text and Markdown differ only in how they draw it.
// A pass of which nothing was measured has no table of distributions, and a run that got to no pass has no table at all.
func layout(s Summary) []table {
	if s.Requests.Full == nil && s.Requests.Summarization == nil {
		return nil
	}
	tables := []table{totalsTable(s)}
	if s.ScheduleLag.N > 0 {
		tables = append(tables, fullTable(s))
	}
	if s.Summarization.ScheduleLag.N > 0 {
		tables = append(tables, summarizationTable(s))
	}
	tables = append(tables, requestsTable(s.Requests))
	if s.Client.Full != nil || s.Client.Summarization != nil {
		tables = append(tables, clientTable(s.Client))
	}
	if s.Proof.Full != nil || s.Proof.Summarization != nil {
		tables = append(tables, proofTable(s.Proof))
	}
	if s.GPUs != nil {
		tables = append(tables, gpuTable(*s.GPUs))
	}
	return append(tables, phasesTable(s.Phases))
}

// facts say what was measured, one line each; what is not known is left out.
func facts(s Summary) [][2]string {
	var list [][2]string
	add := func(name string, parts ...string) {
		var known []string
		for _, part := range parts {
			if part != "" {
				known = append(known, part)
			}
		}
		if len(known) > 0 {
			list = append(list, [2]string{name, printable(strings.Join(known, ", "))})
		}
	}
	add("model", s.Model.Name)
	if v := s.Server; v != nil {
		add("server", prefixed("version ", v.Version), prefixed("max_model_len ", positive(v.MaxModelLen)))
	}
	if g := s.GPUs; g != nil {
		add("GPUs", gpuNames(*g)...)
	}
	if d := s.Dataset; d != nil {
		add("data set", d.Source, count(d.Requests, "request"), fmt.Sprintf("%d prompt tokens, %d to %d each",
			d.PromptTokens, d.Shortest, d.Longest))
	}
	if l := s.Load; l != nil {
		concurrency := "no bound on concurrency"
		if l.Concurrency > 0 {
			concurrency = fmt.Sprintf("concurrency %d", l.Concurrency)
		}
		add("load", "request rate "+l.Rate(""), strings.Join(l.Shape(), ", "), concurrency, fmt.Sprintf("at most %d output tokens", l.MaxOutputLen),
			fmt.Sprintf("ignore_eos %t", l.IgnoreEOS))
	}
	if c := s.Client.Full; c != nil {
		add("client", stampsText(c.Stamps), lagText(c.Lag))
	}
	if t := s.Timings; t != nil {
		add("timings", fmt.Sprintf("by %s (server.timings: %s)", s.TTFTSource, t.Wanted),
			prefixed("added ", strings.Join(t.Added, " ")))
	}
	return list
}

func prefixed(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}

func totalsTable(s Summary) table {
	endToEnd, summarization, generation := latencyCells(s.Totals)
	bound := ""
	if s.ArrivalBound {
		bound = "arrival-bound"
	}
	return table{
		align: "lrll",
		heads: [][]string{{"Run", "", "unit", ""}},
		rows: [][]string{
			{"total input tokens", intCell(s.TotalInputTokens), "tok", ""},
			{"total generated tokens", intCell(s.TotalGeneratedTokens), "tok", ""},
			{"end-to-end latency", endToEnd, "s", ""},
			{"summarization latency", summarization, "s", ""},
			{"generation latency", generation, "s", remark(bound, measured(s.MeasuredGenerationLatency, 3, "s"))},
			{"summarization throughput", fixedCell(s.SummarizationThroughput, 2), "tok/s", bound},
			{"end-to-end throughput", fixedCell(s.EndToEndThroughput, 2), "tok/s", ""},
			{"generation throughput", fixedCell(s.GenerationThroughput, 2), "tok/s", remark(bound,
				measured(s.MeasuredGenerationThroughput, 2, "tok/s"))},
			{"request throughput", fixedCell(s.RequestThroughput, 3), "req/s", ""},
			{"mean running batch", fixedCell(s.MeanRunningBatch, 2), "req", ""},
		},
	}
}

// measured is the directly measured figure that stands beside a derived one; empty when there is none.
func measured(v *float64, decimals int, unit string) string {
	if v == nil {
		return ""
	}
	return "measured " + fixedCell(v, decimals) + " " + unit
}

// remark joins what is to be said of a figure.
func remark(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "; ")
}

func fullTable(s Summary) table {
	gap, name := s.ICL, "ICL"
	if s.ITL != nil {
		gap, name = *s.ITL, "ITL"
	}
	list := []namedDistribution{
		{sourced("TTFT", s.TTFTSource), s.TTFT}, {"queueing", s.Queue}, {"decode", s.Decode},
		{sourced("TPOT", s.TTFTSource), s.TPOT}, {"TPOT (sqzb)", s.TPOTSqzb},
	}
	if s.TTFTSource != SourceClient {
		list = append(list, namedDistribution{sourced("TTFT", SourceClient), s.ClientTTFT},
			namedDistribution{sourced("TPOT", SourceClient), s.ClientTPOT})
	}
	return distributionTable("Full pass, ms", append(list, namedDistribution{name, gap},
		namedDistribution{"E2E latency", s.E2EL}, namedDistribution{"schedule lag", s.ScheduleLag}))
}

func summarizationTable(s Summary) table {
	d := s.Summarization
	list := []namedDistribution{{sourced("TTFT", s.TTFTSource), d.TTFT}, {"queueing", d.Queue}}
	if s.TTFTSource != SourceClient {
		list = append(list, namedDistribution{sourced("TTFT", SourceClient), d.ClientTTFT})
	}
	return distributionTable("Summarization pass, ms", append(list, namedDistribution{"E2E latency", d.E2EL},
		namedDistribution{"schedule lag", d.ScheduleLag}))
}

func sourced(name string, source TTFTSource) string { return name + " (" + string(source) + ")" }

type namedDistribution struct {
	name string
	d    Distribution
}

func distributionTable(title string, list []namedDistribution) table {
	t := table{align: "lrrrrrrrrr", heads: [][]string{append([]string{title}, distributionHeads()...)}}
	for _, item := range list {
		t.rows = append(t.rows, append([]string{item.name}, distributionCells(item.d)...))
	}
	return t
}

func requestsTable(r Requests) table {
	t := table{align: "lrrrl", heads: [][]string{{"Requests", "planned", "successful", "failed", "errors"}}}
	for _, pass := range []struct {
		name string
		n    *RequestCounts
	}{{PassFull, r.Full}, {PassSummarization, r.Summarization}} {
		if pass.n == nil {
			t.rows = append(t.rows, []string{pass.name, absent, absent, absent, absent})
			continue
		}
		errors := absent
		if len(pass.n.Errors) > 0 {
			errors = printable(classList(pass.n.Errors))
		}
		t.rows = append(t.rows, []string{pass.name, fmt.Sprint(pass.n.Planned), fmt.Sprint(pass.n.Successful),
			fmt.Sprint(pass.n.Failed), errors})
	}
	return t
}

// proofTable has a row for everything that either server told.
func proofTable(p Proof) table {
	full, summarization := PassProof{}, PassProof{}
	if p.Full != nil {
		full = *p.Full
	}
	if p.Summarization != nil {
		summarization = *p.Summarization
	}
	t := table{align: "lrr", heads: [][]string{{"Server's counters", PassFull, PassSummarization}}}
	row := func(name, f, s string) {
		if f != absent || s != absent {
			t.rows = append(t.rows, []string{name, f, s})
		}
	}
	row("finished requests", intCell(full.FinishedRequests), intCell(summarization.FinishedRequests))
	row("prompt tokens", intCell(full.PromptTokens), intCell(summarization.PromptTokens))
	row("generated tokens", intCell(full.GenerationTokens), intCell(summarization.GenerationTokens))
	row("prefix-cache hits, tokens", intCell(full.PrefixHits), intCell(summarization.PrefixHits))
	row("hits the data set explains", intCell(full.MaxCachedTokens), intCell(summarization.MaxCachedTokens))
	row("preemptions", intCell(full.Preemptions), intCell(summarization.Preemptions))
	row("KV cache, tokens", intCell(full.KVCacheTokens), intCell(summarization.KVCacheTokens))
	row("running requests, mean", fixedCell(full.RunningMean, 2), fixedCell(summarization.RunningMean, 2))
	row("running requests, max", fixedCell(full.RunningMax, 0), fixedCell(summarization.RunningMax, 0))
	row("waiting requests, mean", fixedCell(full.WaitingMean, 2), fixedCell(summarization.WaitingMean, 2))
	row("waiting requests, max", fixedCell(full.WaitingMax, 0), fixedCell(summarization.WaitingMax, 0))
	return t
}

func phasesTable(r RunTimes) table {
	t := table{align: "lrrrrr", heads: [][]string{{"Phases, s", "start", "warm-up", "pass", "stop", "total"}}}
	for _, pass := range []struct {
		name string
		t    *PassTimes
	}{{PassFull, r.Full}, {PassSummarization, r.Summarization}} {
		times := PassTimes{}
		if pass.t != nil {
			times = *pass.t
		}
		t.rows = append(t.rows, []string{pass.name, fixedCell(times.Start, 3), fixedCell(times.Warmup, 3),
			fixedCell(times.Pass, 3), fixedCell(times.Stop, 3), ""})
	}
	return table{align: t.align, heads: t.heads, rows: append(t.rows,
		[]string{"whole run", "", "", "", "", fixedCell(r.Total, 3)},
		[]string{"of it this program's own", "", "", "", "", fixedCell(r.Own, 3)})}
}

// verdictLine is the verdict in words.
func verdictLine(s Summary) string {
	line := strings.ToUpper(string(s.Verdict))
	if s.Partial {
		line += ", a partial result"
	}
	return line
}
