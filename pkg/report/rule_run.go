package report

import (
	"fmt"
	"strings"
)

// ruleServerExit: a server must not end before it is stopped.
func ruleServerExit(e *evidence) []Reason {
	var reasons []Reason
	for _, p := range e.passes() {
		if p.pass == nil || p.pass.ServerExit == nil {
			continue
		}
		exit := p.pass.ServerExit
		how := fmt.Sprintf("exit status %d", exit.Status)
		if exit.Signal != "" {
			how = "signal " + exit.Signal
		}
		reasons = append(reasons, invalid("server_exit", "the server of the %s pass ended by itself (%s, while in: %s); "+
			"the cause is at the end of %s/%s", p.name, how, exit.Phase, p.name, ServerLogFile))
	}
	return reasons
}

// ruleInterrupted: a run that was ended by a signal is partial.
func ruleInterrupted(e *evidence) []Reason {
	if e.manifest.Interrupted == "" {
		return nil
	}
	return []Reason{invalid("interrupted", "the run was interrupted by %s: the numbers are of what was measured until then; "+
		"run it again for numbers that can be compared", e.manifest.Interrupted)}
}

// ruleFailure: a run that failed is partial. An interrupted run has its own reason.
func ruleFailure(e *evidence) []Reason {
	f := e.manifest.Failure
	if f == nil || e.manifest.Interrupted != "" {
		return nil
	}
	text := fmt.Sprintf("the run failed at step %q: %s", f.Step, strings.TrimRight(f.Message, "\n"))
	if f.Hint != "" {
		text += "\n" + f.Hint
	}
	return []Reason{{Rule: "failure", Severity: Invalid, Text: text}}
}

// ruleUnfinished: the manifest of a run that ended in order says when.
func ruleUnfinished(e *evidence) []Reason {
	if !e.manifest.Ended.IsZero() {
		return nil
	}
	return []Reason{invalid("unfinished", "the run has no end: it is still going on, or this program was killed; "+
		"the numbers are of what was written until then; run it again for numbers that can be compared")}
}

// ruleIncomplete: both passes must have run to their end.
func ruleIncomplete(e *evidence) []Reason {
	var missing []string
	for _, p := range e.passes() {
		switch {
		case p.pass == nil:
			missing = append(missing, "the "+p.name+" pass did not run")
		case !p.pass.Complete:
			missing = append(missing, "the "+p.name+" pass did not run to its end")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Reason{invalid("incomplete", "this is a partial result: %s; figures that need it are absent, the others are "+
		"of what was measured", strings.Join(missing, ", "))}
}

// shownDifferences bounds the differences that a reason lists; all of them are in the manifest.
const shownDifferences = 5

// ruleLaunchDifferences: both passes must start the same server.
func ruleLaunchDifferences(e *evidence) []Reason {
	all := e.manifest.LaunchDifferences
	if len(all) == 0 {
		return nil
	}
	list, more := all, ""
	if len(all) > shownDifferences {
		list, more = all[:shownDifferences], fmt.Sprintf("; and %d more", len(all)-shownDifferences)
	}
	return []Reason{invalid("launch_differences", "the servers of the two passes were started differently (%s): %s%s; "+
		"the passes cannot be subtracted; see launch in %s", count(len(all), "difference"), strings.Join(list, "; "), more,
		ManifestFile)}
}

// ruleServerDifferences: both servers must be of the same version, with the same model, context length and KV-cache size.
func ruleServerDifferences(e *evidence) []Reason {
	if e.full.pass == nil || e.summarization.pass == nil {
		return nil
	}
	a, b := e.full.pass.Server, e.summarization.pass.Server
	var reasons []Reason
	for _, fact := range []struct{ name, full, summarization string }{
		{"version", a.Version, b.Version},
		{"model root", a.Root, b.Root},
		{"max_model_len", positive(a.MaxModelLen), positive(b.MaxModelLen)},
		{"KV-cache size in tokens", positive(e.full.cacheSize()), positive(e.summarization.cacheSize())},
	} {
		// A pass that did not get as far as asking proves nothing.
		if fact.full == "" || fact.summarization == "" || fact.full == fact.summarization {
			continue
		}
		reasons = append(reasons, invalid("server_differences", "the server's %s was %s in the full pass and %s in the "+
			"summarization pass: the passes cannot be subtracted; make sure that nothing was installed or moved in "+
			"between, and that nothing else uses the accelerator", fact.name, fact.full, fact.summarization))
	}
	return reasons
}

// cacheSize is the server's KV cache in tokens, 0 when it is not known.
func (p *passEvidence) cacheSize() int {
	if p.counters == nil {
		return 0
	}
	return p.counters.Cache.size()
}

// rulePromptDifferences: both passes must send the same prompts.
func rulePromptDifferences(e *evidence) []Reason {
	a, b := e.full, e.summarization
	if a.pass == nil || b.pass == nil {
		return nil
	}
	var reasons []Reason
	differ := func(what, full, summarization string) {
		reasons = append(reasons, invalid("prompt_differences", "%s %s in the full pass and %s in the summarization pass: the "+
			"passes cannot be subtracted; run again, and leave the data set alone meanwhile", what, full, summarization))
	}
	if x, y := a.pass.PromptsSHA256, b.pass.PromptsSHA256; x != y && x != "" && y != "" {
		differ("the SHA-256 of the prompts was", x, y)
	}
	// A pass that sent fewer requests sent fewer tokens, and ruleRecords tells why.
	if x, y := a.sentTokens(), b.sentTokens(); x != y && len(a.records) == len(b.records) {
		differ("the number of prompt tokens sent was", fmt.Sprint(x), fmt.Sprint(y))
	}
	return reasons
}

// sentTokens are the prompt tokens of all requests.
func (p *passEvidence) sentTokens() int {
	n := 0
	for _, r := range p.records {
		n += r.PromptTokensSent
	}
	return n
}

// positive is n as text, empty for 0.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
