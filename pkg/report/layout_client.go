package report

// stampsText says whose clock stamped what came.
func stampsText(stamps string) string {
	if stamps == StampsKernel {
		return "what came is stamped by the kernel"
	}
	return "what came is stamped by this program"
}

// lagText is the lag in one part of a line; empty when it is not known.
func lagText(lag Distribution) string {
	if lag.N == 0 {
		return ""
	}
	return "its lag " + fixedCell(lag.P99, 3) + " ms (p99)"
}

// clientTable has a row for everything that is known of the client in either pass.
func clientTable(c Client) table {
	full, summarization := PassClient{}, PassClient{}
	if c.Full != nil {
		full = *c.Full
	}
	if c.Summarization != nil {
		summarization = *c.Summarization
	}
	t := table{align: "lrr", heads: [][]string{{"Client", PassFull, PassSummarization}}}
	row := func(name string, cell func(PassClient) string) {
		if f, s := cell(full), cell(summarization); f != absent || s != absent {
			t.rows = append(t.rows, []string{name, f, s})
		}
	}
	row("lag, ms, median", func(p PassClient) string { return fixedCell(p.Lag.Median, 3) })
	row("lag, ms, p99", func(p PassClient) string { return fixedCell(p.Lag.P99, 3) })
	row("lag, ms, max", func(p PassClient) string { return fixedCell(p.Lag.Max, 3) })
	row("chunks without a kernel stamp", func(p PassClient) string { return intCell(p.Unstamped) })
	row("chunks that share a stamp, %", func(p PassClient) string { return percentCell(p.CoalescedShare, 2) })
	row("intended rate, req/s", func(p PassClient) string { return fixedCell(p.IntendedRate, 3) })
	row("achieved rate, req/s", func(p PassClient) string { return fixedCell(p.AchievedRate, 3) })
	row("processors it may use", func(p PassClient) string { return fixedCell(p.Cores, 1) })
	row("used by it, %", func(p PassClient) string { return percentCell(p.CPUShare, 1) })
	row("used by anybody, %", func(p PassClient) string { return percentCell(p.Busy, 1) })
	row("waiting for one, ms, mean", func(p PassClient) string { return fixedCell(p.Wait, 3) })
	row("CPU per chunk, µs", func(p PassClient) string { return fixedCell(p.CPUPerChunk, 1) })
	row("garbage collections", func(p PassClient) string { return intCell(p.GCs) })
	row("longest pause of one, ms", func(p PassClient) string { return fixedCell(p.GCPauseMax, 3) })
	row("stolen by the host, %", func(p PassClient) string { return percentCell(p.Steal, 1) })
	row("TCP segments sent again, whole machine", func(p PassClient) string { return intCell(p.Retransmits) })
	row("connections opened", func(p PassClient) string { return intCell(p.Connections) })
	row("times the clock was set", func(p PassClient) string { return intCell(p.ClockSteps) })
	return t
}

// percentCell is a share as a percentage.
func percentCell(share *float64, decimals int) string {
	if share == nil {
		return absent
	}
	percent := 100 * *share
	return fixedCell(&percent, decimals)
}
