package report

import (
	"fmt"
	"strings"
)

// Formats are the names that Render knows.
func Formats() []string { return []string{"text", "json", "csv", "markdown"} }

// Render renders the summary in the format of that name; "md" is short for "markdown". The error for any other name lists
// those allowed.
func Render(s Summary, format string) ([]byte, error) {
	switch format {
	case "text":
		return Text(s), nil
	case "json":
		return JSON(s), nil
	case "csv":
		return CSV(s), nil
	case "markdown", "md":
		return Markdown(s), nil
	}
	return nil, fmt.Errorf("unknown format %q; allowed: %s", format, strings.Join(Formats(), ", "))
}
