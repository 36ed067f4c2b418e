package report

import (
	"strings"
	"unicode/utf8"
)

// textWidth is the width that long texts are wrapped to.
const textWidth = 100

// Text renders the summary for a terminal: what was measured, the numbers with their units, the notes, and last, where the
// eye is, the verdict with its reasons. It has no colours and no paths of the run directory, so the bytes do not depend on
// where they are made.
func Text(s Summary) []byte {
	var b strings.Builder
	b.WriteString(printable(s.Name) + "  " + printable(s.RunID) + "\n")
	if lines := facts(s); len(lines) > 0 {
		t := table{align: "ll"}
		for _, f := range lines {
			t.rows = append(t.rows, []string{"  " + f[0], f[1]})
		}
		b.WriteString(t.text())
	}
	for _, t := range layout(s) {
		b.WriteString("\n" + t.text())
	}
	if len(s.Notes) > 0 {
		b.WriteString("\nNotes\n")
		for _, n := range s.Notes {
			b.WriteString(item(n.Rule + ": " + n.Text))
		}
	}
	b.WriteString("\nVerdict: " + verdictLine(s) + "\n")
	for _, r := range s.Reasons {
		b.WriteString(item(string(r.Severity) + ", " + r.Rule + ": " + r.Text))
	}
	return []byte(b.String())
}

// item is one entry of a list, wrapped, with a hanging indent.
func item(text string) string {
	lines := wrap(text, textWidth-4)
	return "  - " + strings.Join(lines, "\n    ") + "\n"
}

// wrap breaks each line of text at spaces so that none is longer than width, unless a single word is. A line that fits is
// kept as it is: it may come from a log, where spaces mean something.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if utf8.RuneCountInString(line) <= width {
			lines = append(lines, strings.TrimRight(line, " "))
			continue
		}
		lines = append(lines, wrapLine(line, width)...)
	}
	return lines
}

func wrapLine(line string, width int) []string {
	var lines []string
	current, length := "", 0
	for _, word := range strings.Fields(line) {
		n := utf8.RuneCountInString(word)
		if length > 0 && length+1+n > width {
			lines = append(lines, current)
			current, length = "", 0
		}
		if length > 0 {
			current, length = current+" ", length+1
		}
		current, length = current+word, length+n
	}
	return append(lines, current)
}
