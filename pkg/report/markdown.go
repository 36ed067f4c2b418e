package report

import "strings"

// Markdown renders the summary for a pull request or a page: the tables of Text, with the verdict at the top.
func Markdown(s Summary) []byte {
	var b strings.Builder
	b.WriteString("# " + escapeMarkdown(printable(s.Name+" "+s.RunID)) + "\n\n")
	b.WriteString("**Verdict: " + verdictLine(s) + "**\n")
	if len(s.Reasons) > 0 {
		b.WriteString("\n")
	}
	for _, r := range s.Reasons {
		b.WriteString("- " + escapeMarkdown(string(r.Severity)+", "+r.Rule+": "+r.Text) + "\n")
	}
	b.WriteString("\n")
	for _, f := range facts(s) {
		b.WriteString("- " + f[0] + ": " + escapeMarkdown(f[1]) + "\n")
	}
	for _, t := range layout(s) {
		b.WriteString("\n" + t.markdown())
	}
	if len(s.Notes) > 0 {
		b.WriteString("\nNotes:\n\n")
	}
	for _, n := range s.Notes {
		b.WriteString("- " + escapeMarkdown(n.Rule+": "+n.Text) + "\n")
	}
	return []byte(b.String())
}
