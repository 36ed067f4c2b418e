package orchestrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

// FindingsText is findings for people: a line each, and what to do on lines of its own below.
func FindingsText(findings []report.Finding) []byte {
	var b bytes.Buffer
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: [%s] %s\n", f.Severity, f.Check, strings.ReplaceAll(f.Text, "\n", "\n  "))
		if f.Advice != "" {
			fmt.Fprintf(&b, "  %s\n", f.Advice)
		}
	}
	return b.Bytes()
}

// findingLine is a finding on a single line.
func findingLine(f report.Finding) string {
	text := fmt.Sprintf("%s: [%s] %s", f.Severity, f.Check, f.Text)
	if f.Advice != "" {
		text += "; " + f.Advice
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// Text is all that was found for people, and what a run would be that nothing stands against.
func (p *Preflight) Text() []byte {
	var b bytes.Buffer
	b.Write(FindingsText(p.Findings))
	errors, warnings := len(p.Errors()), len(p.Warnings())
	if errors > 0 {
		fmt.Fprintf(&b, "%s: %s, %s\n", p.Name, counted(errors, "error"), counted(warnings, "warning"))
		return b.Bytes()
	}
	fmt.Fprintf(&b, "%s: ready", p.Name)
	if warnings > 0 {
		fmt.Fprintf(&b, ", %s", counted(warnings, "warning"))
	}
	m, d := modelInfo(p.cfg, p.Inputs), datasetInfo(p.Inputs.Prompts)
	fmt.Fprintf(&b, "\n  server    %s\n", p.serverText())
	fmt.Fprintf(&b, "  model     %s, vocabulary %d, max_model_len %d\n", m.Name, m.VocabSize, m.MaxModelLen)
	fmt.Fprintf(&b, "  data set  %s, %d requests, %d prompt tokens, %d to %d each\n", d.Source, d.Requests, d.PromptTokens,
		d.Shortest, d.Longest)
	fmt.Fprintf(&b, "  times     %s: %s\n", p.timings.plan.Source, p.timings.plan.Why)
	fmt.Fprintf(&b, "  results   %s, %s\n", p.Disk.Dir, p.Disk.amount())
	return b.Bytes()
}

func (p *Preflight) serverText() string {
	if p.Unknown != nil {
		return "version not known: " + p.Unknown.Error()
	}
	if p.Installed.VersionText == "" && p.Installed.Location == "" {
		return "version not known"
	}
	return p.Installed.String()
}

// amount says how much is needed and how much there is.
func (d Disk) amount() string {
	text := "about " + size(d.NeedBytes)
	if d.FreeBytes > 0 {
		text += fmt.Sprintf(" (%s free)", size(d.FreeBytes))
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// checkDocument is what `check --json` prints for a recipe. What is not known is null.
type checkDocument struct {
	Name string `json:"name"`
	// Ready is true when no error was found, ExitCode the worst of them.
	Ready    bool             `json:"ready"`
	ExitCode int              `json:"exit_code"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Findings []report.Finding `json:"findings"`
	// VLLM is the installed package with its version.
	VLLM    *string             `json:"vllm"`
	Model   *report.Model       `json:"model"`
	Dataset *report.DatasetInfo `json:"dataset"`
	Timings *report.Timings     `json:"timings"`
	Disk    *Disk               `json:"disk"`
}

// MarshalJSON is all that was found for programs.
func (p *Preflight) MarshalJSON() ([]byte, error) {
	doc := checkDocument{Name: p.Name, Ready: len(p.Errors()) == 0, ExitCode: int(p.Code()), Errors: len(p.Errors()),
		Warnings: len(p.Warnings()), Findings: append([]report.Finding{}, p.Findings...)}
	if p.Installed.VersionText != "" {
		doc.VLLM = new(p.Installed.String())
	}
	if p.Inputs != nil {
		doc.Model, doc.Dataset, doc.Disk = new(modelInfo(p.cfg, p.Inputs)), new(datasetInfo(p.Inputs.Prompts)), &p.Disk
	}
	if p.timings != nil {
		doc.Timings = new(p.timings.info(p.cfg))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // "<" and "&" of a path or a text stay what they are
	err := enc.Encode(doc)
	return b.Bytes(), err
}
