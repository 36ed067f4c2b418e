package report

import (
	"strings"
	"unicode/utf8"
)

// table is rows of cells under one or more rows of headings. align has one letter per column: l for left, r for right.
type table struct {
	align string
	heads [][]string
	rows  [][]string
}

// text renders the table for a terminal: columns two spaces apart, no line ends in a space.
func (t table) text() string {
	widths := make([]int, len(t.align))
	all := append(append([][]string{}, t.heads...), t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.align[i] == 'r' {
				line.WriteString(pad + cell + "  ")
			} else {
				line.WriteString(cell + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// markdown renders the table for GitHub and its like, with the last row of headings.
func (t table) markdown() string {
	var b strings.Builder
	row := func(cells []string) {
		b.WriteString("|")
		for _, cell := range cells {
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	row(escapeAll(t.heads[len(t.heads)-1]))
	rulers := make([]string, len(t.align))
	for i := range rulers {
		rulers[i] = map[byte]string{'l': ":---", 'r': "---:"}[t.align[i]]
	}
	row(rulers)
	for _, cells := range t.rows {
		row(escapeAll(cells))
	}
	return b.String()
}

func escapeAll(cells []string) []string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = escapeMarkdown(cell)
	}
	return out
}

// escapeMarkdown keeps text from acting as markup, and on one line.
func escapeMarkdown(s string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", "\\|",
		"[", "\\[", "]", "\\]", "\n", " ").Replace(s)
}
