package selftest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// conclude adds what follows from the levels.
func (r *Result) conclude() {
	r.Limit = limit(r.Levels)
	r.Sentence = r.sentence()
}

func (r *Result) sentence() string {
	switch {
	case len(r.Levels) == 0:
		return "Nothing was measured."
	case r.Limit == nil:
		return fmt.Sprintf("This box measured none of the loads that were tried, from %d streams up, exactly.", r.Levels[0].Streams)
	}
	text := fmt.Sprintf("This box measures up to %d streams at %.0f tokens/s", r.Limit.Streams, r.Limit.TokensPerSecond)
	if r.Limit.Streams == r.Levels[len(r.Levels)-1].Streams {
		return text + "; more was not tried."
	}
	return text + "."
}

// line is a level in a few words.
func (l *Level) line() string {
	if l.ITLError == nil {
		return fmt.Sprintf("nothing to compare, %d failed: %s", l.Failed, l.Failure)
	}
	return fmt.Sprintf("%.0f events/s, ITL error p99 %s µs, %.0f %% of the client's cores, %d failed", l.EventsPerSecond,
		number(l.ITLError.P99), 100*l.CPUShare, l.Failed)
}

// Text is the result for people.
func (r *Result) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s, %d cores, %s\n", r.Host.Hostname, r.Host.CPUModel, r.Host.CPUs, r.Host.Kernel)
	fmt.Fprintf(&b, "a token every %g ms for %g s, prompts of %d ids; %s; %s\n\n", r.IntervalMS, r.DurationS, r.PromptTokens,
		r.stampsText(), r.placeText())
	fmt.Fprintln(&b, "Error in µs: what the client saw against what the server sent")
	r.table(&b, "streams\tevents/s\tITL p50\tp99\tmax\tTTFT p50\tp99\tmax\tfailed\tlost\textra\texact\t", (*Level).errors)
	fmt.Fprintln(&b, "\nCost, and lags in µs")
	r.table(&b, "streams\tCPU µs/event\tCPU %\tKiB/stream\tcoalesced %\tclient lag p50\tp99\tmax\tsent late p99\tmax\tserver late p99\tmax\t", (*Level).costs)
	for _, l := range r.Levels {
		if l.Failed > 0 {
			fmt.Fprintf(&b, "\nOf %d requests %d failed, the first one by %s\n", l.Streams, l.Failed, l.Failure)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.Sentence)
	return b.Bytes()
}

// table writes a row of cells for each level.
func (r *Result) table(b *bytes.Buffer, head string, row func(*Level) []string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, head)
	for i := range r.Levels {
		fmt.Fprintln(w, strings.Join(row(&r.Levels[i]), "\t")+"\t")
	}
	_ = w.Flush() // into memory
}

func (l *Level) errors() []string {
	exact := "no"
	if l.Exact {
		exact = "yes"
	}
	return slices.Concat([]string{strconv.Itoa(l.Streams), fmt.Sprintf("%.0f", l.EventsPerSecond)}, l.ITLError.cells(),
		l.TTFTError.cells(), []string{strconv.Itoa(l.Failed), strconv.Itoa(l.Lost), strconv.Itoa(l.Extra), exact})
}

func (l *Level) costs() []string {
	memory := "–"
	if l.MemoryPerStream != nil {
		memory = fmt.Sprintf("%.0f", *l.MemoryPerStream/1024)
	}
	return slices.Concat([]string{strconv.Itoa(l.Streams), fmt.Sprintf("%.1f", l.CPUPerEvent), fmt.Sprintf("%.0f", 100*l.CPUShare),
		memory, fmt.Sprintf("%.1f", 100*l.Coalesced)}, l.ClientLag.cells(),
		l.ScheduleLag.cells()[1:], l.ServerLate.cells()[1:])
}

// cells are p50, p99 and the maximum; a dash each where there is no sample.
func (s *Spread) cells() []string {
	if s == nil {
		return []string{"–", "–", "–"}
	}
	return []string{number(s.P50), number(s.P99), number(s.Max)}
}

// number has a decimal only where it matters.
func number(us float64) string {
	if us < 10 {
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", us)
}

func (r *Result) stampsText() string {
	if r.Stamps == "kernel" {
		return "instants by the kernel's receive stamps"
	}
	text := "instants by this program's own clock reads"
	if r.StampsWhy != "" {
		text += " (" + r.StampsWhy + ")"
	}
	return text
}

func (r *Result) placeText() string {
	if len(r.ClientCPUs) == 0 {
		return "client and server on all cores"
	}
	return fmt.Sprintf("client on cpu %s, server on cpu %s", list(r.ClientCPUs), list(r.ServerCPUs))
}

func list(cpus []int) string {
	texts := make([]string, len(cpus))
	for i, cpu := range cpus {
		texts[i] = strconv.Itoa(cpu)
	}
	return strings.Join(texts, ",")
}
