package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Verdict says whether the numbers of a run can be used.
type Verdict string

// The verdicts, and the severities of a Reason.
const (
	Valid   Verdict = "valid"
	Suspect Verdict = "suspect" // usable with care
	Invalid Verdict = "invalid"
)

// Reason is one finding against a run. Its Severity is Suspect or Invalid; its Text carries the numbers and ends in advice.
type Reason struct {
	Rule     string  `json:"rule"`
	Severity Verdict `json:"severity"`
	Text     string  `json:"text"`
}

// Note is something a reader should know that does not touch the verdict.
type Note struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
}

// Thresholds are the limits that the verdict was made with.
type Thresholds struct {
	// MaxFailed is the number of failed requests per pass from which on, exclusively, a run is Invalid and not Suspect.
	MaxFailed int `json:"max_failed"`
	// ScheduleLag, in milliseconds, and ScheduleLagGapShare, of the mean gap between arrivals, must both be exceeded by the
	// 99th percentile of schedule_lag_ms before the client is suspected.
	ScheduleLag         float64 `json:"schedule_lag_ms"`
	ScheduleLagGapShare float64 `json:"schedule_lag_gap_share"`
	// ClientCPUShare is the share of its processors that the client may use, or that it and others may use before a client that
	// is late counts as starved.
	ClientCPUShare float64 `json:"client_cpu_share"`
	// LagICLShare, of the median gap between chunks, is how late the client may be (99th percentile) with user stamps, or when its
	// processors were used up.
	LagICLShare float64 `json:"lag_icl_share"`
	// CoalescedShare is the share of the chunks that may share the stamp of the one before.
	CoalescedShare float64 `json:"coalesced_share"`
	// MeasuredGapShare is the difference between the derived and the measured generation latency, as a share of the measured
	// one, above which a note tells of it.
	MeasuredGapShare float64 `json:"measured_gap_share"`
}

// DefaultThresholds are those of a recipe that sets none.
func DefaultThresholds() Thresholds {
	return Thresholds{ScheduleLag: 50, ScheduleLagGapShare: 0.01, ClientCPUShare: 0.90, LagICLShare: 0.05,
		CoalescedShare: 0.01, MeasuredGapShare: 0.20}
}

// evidence is what the rules look at.
type evidence struct {
	manifest      *Manifest
	full          *passEvidence
	summarization *passEvidence
	summary       *Summary // its numbers; the verdict is not yet in it
	attribution   attribution
}

func (e *evidence) passes() []*passEvidence { return []*passEvidence{e.full, e.summarization} }

// rule looks for one kind of flaw; none is no reason.
type rule func(*evidence) []Reason

// rules are all rules, the weightiest first: what ended the run comes before what follows from it.
func rules() []rule {
	return []rule{
		ruleServerExit, ruleInterrupted, ruleFailure, ruleUnfinished, ruleIncomplete,
		ruleLaunchDifferences, ruleServerDifferences, rulePromptDifferences,
		ruleForeignRequests, ruleGPUChanged, ruleFailedRequests, ruleRecords,
		rulePromptTokens, ruleOutputTokens, ruleSummarizationTokens, ruleServerCounters, ruleGenerationLatency,
		rulePrefixCache, ruleCachedTokens, rulePreemptions, ruleGPUShared, ruleGPUThrottled,
		ruleScheduleLag, ruleClientCPU, ruleClientLag, ruleClientStarved, ruleCoalesced,
	}
}

// judge applies all rules. Invalid reasons come before suspect ones, each kind in the order of rules.
func judge(e *evidence) (Verdict, []Reason) {
	reasons := []Reason{}
	for _, r := range rules() {
		reasons = append(reasons, r(e)...)
	}
	for i := range reasons {
		reasons[i].Text = printable(reasons[i].Text)
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return weight(b.Severity) - weight(a.Severity) })
	if len(reasons) == 0 {
		return Valid, reasons
	}
	return reasons[0].Severity, reasons
}

func weight(v Verdict) int {
	return slices.Index([]Verdict{Valid, Suspect, Invalid}, v)
}

func invalid(rule, format string, args ...any) Reason {
	return Reason{Rule: rule, Severity: Invalid, Text: fmt.Sprintf(format, args...)}
}

func suspect(rule, format string, args ...any) Reason {
	return Reason{Rule: rule, Severity: Suspect, Text: fmt.Sprintf(format, args...)}
}

// printable replaces what a terminal would obey and what JSON could not carry: a server's error text is quoted in reports,
// and it may hold escape sequences or bytes that are no text. Newlines stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || !unicode.IsControl(r) {
			return r
		}
		if r == '\t' || r == '\r' {
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}

// count is "1 request" or "2 requests".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
