package server

import (
	"regexp"
	"strings"
)

// logLine is a line of a log, taken apart.
type logLine struct {
	// text is what was said, without prefixes but with its indentation.
	text string
	// process is who said it, "EngineCore_DP0 pid=178"; empty where the line does not tell.
	process string
	// level is that of the message, INFO or such; empty for what was not logged but printed, as tracebacks often are.
	level string
	// source is the file that logged it, core.py; empty where the line does not tell.
	source string
}

// The prefixes a line may begin with, one after the other.
var (
	// (EngineCore_DP0 pid=178), (VllmWorker rank=0 pid=9), (RayWorkerWrapper pid=5, ip=10.0.0.1)
	processPrefix = regexp.MustCompile(`^\(([A-Za-z_][^()]{0,80}?pid=[^()]{1,80})\) ?`)
	// [rank0]:
	rankPrefix = regexp.MustCompile(`^\[(rank\d{1,5})\]: ?`)
	// INFO 11-20 10:00:01 [core.py:77], and before 0.7.3 without the opening bracket
	levelPrefix = regexp.MustCompile(
		`^(DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d(?::\d\d)? \[?([\w./<>-]+?):\d+\] ?`)
	// INFO:     Started server process [7]
	serverPrefix = regexp.MustCompile(`^(DEBUG|INFO|WARNING|ERROR|CRITICAL): {2,}`)
	// [E1016 13:24:39.286342262 ProcessGroupNCCL.cpp:1515] [PG 3 Rank 0], and before torch 2.4 without the time
	torchPrefix = regexp.MustCompile(
		`^\[([EWIF])(?:\d{3,4} [\d:.]+)? ([\w./-]+):\d+\] (?:\[(?:PG |Rank )[^\]]{0,80}\] ?)*`)
	// What wrappers put in front: the time (docker logs -t, kubectl), the service (docker compose), the rank (srun --label);
	// and Python in front of the lines of an exception group.
	wrapperPrefix = regexp.MustCompile(
		`^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]? (?:\| )?|[\w.-]{1,60} +\| |\d{1,5}: | {1,16}\| )`)
)

// maxPrefixes is how many prefixes a line may have.
const maxPrefixes = 8

var torchLevels = map[string]string{"E": "ERROR", "F": "CRITICAL", "W": "WARNING", "I": "INFO"}

// parseLine takes a line apart.
func parseLine(raw string) logLine {
	if strings.IndexByte(raw, 0x1b) >= 0 {
		raw = escapes.ReplaceAllString(raw, "")
	}
	l := logLine{text: afterProgress(raw)}
	for range maxPrefixes {
		rest, found := l.stripPrefix()
		if !found {
			break
		}
		l.text = rest
	}
	return l
}

// stripPrefix notes what the next prefix tells and returns what comes after it. Which prefixes are possible is told by the
// first byte, since most lines have none, and a log may have many lines.
func (l *logLine) stripPrefix() (rest string, found bool) {
	if l.text == "" || l.level != "" {
		return l.text, false
	}
	switch first := l.text[0]; {
	case first == '(':
		return l.take(processPrefix, func(m []string) { l.process = m[1] })
	case strings.HasPrefix(l.text, "[rank"):
		return l.take(rankPrefix, func(m []string) { l.process = m[1] })
	case first == '[' && len(l.text) > 1 && l.text[1] >= 'A':
		return l.take(torchPrefix, func(m []string) { l.level, l.source = torchLevels[m[1]], m[2] })
	case strings.IndexByte("DIWEC", first) >= 0:
		rest, found = l.take(levelPrefix, func(m []string) { l.level, l.source = m[1], m[2] })
		if !found {
			rest, found = l.take(serverPrefix, func(m []string) { l.level = m[1] })
		}
		if found {
			return rest, found
		}
	}
	// A wrapper's prefix begins with a digit or a bracket, or it has a bar.
	if strings.IndexByte(l.text, '|') < 0 && !digit(l.text[0]) && l.text[0] != '[' {
		return l.text, false
	}
	return l.take(wrapperPrefix, func([]string) {})
}

// take strips prefix if the text begins with it.
func (l *logLine) take(prefix *regexp.Regexp, note func(match []string)) (rest string, found bool) {
	m := prefix.FindStringSubmatch(l.text)
	if m == nil {
		return l.text, false
	}
	note(m)
	return l.text[len(m[0]):], true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// afterProgress returns what was written onto a line after a progress bar that did not end it, the whole line if there is no
// bar or nothing after it.
func afterProgress(line string) string {
	for _, end := range []string{"it/s]", "s/it]", "B/s]"} {
		if i := strings.LastIndex(line, end); i >= 0 && i+len(end) < len(line) {
			return line[i+len(end):]
		}
	}
	return line
}

// failed tells whether the line may tell of a failure at all: it has no level, or one of ERROR and above.
func (l *logLine) failed() bool { return l.level == "" || l.level == "ERROR" || l.level == "CRITICAL" }

// said tells whether the text is somebody's statement, not a part of a traceback: a frame, a line of source, or the marks
// below it. Some programs lose the indentation on the way.
func (l *logLine) said() bool {
	if l.text == "" {
		return false
	}
	switch l.text[0] {
	case ' ', '\t', '^', '~', '"', '\'':
		return false
	}
	for _, start := range tracebackStarts {
		if strings.HasPrefix(l.text, start) {
			return false
		}
	}
	return true
}

var tracebackStarts = []string{
	"File \"", "raise ", "return ", "f\"", "f'", "logger.", "Traceback (", "During handling ", "The above exception ",
}

// exceptionLine is the last line of a traceback: the exception's name with its modules, and what it says.
var exceptionLine = regexp.MustCompile(
	`^((?:[A-Za-z_]\w*\.){0,12}[A-Z_]\w*(?:Error|Exception|Interrupt|Timeout|NotFound|Exit|Died)|Exception)(?:\(\w+\))?(?:: ?(.*))?$`)

// exception returns the name and the message of the exception that the line reports.
func (l *logLine) exception() (name, message string, found bool) {
	// Cheap to see and true of every exception: a letter first, and one of these endings somewhere.
	if l.text == "" || !letter(l.text[0]) {
		return "", "", false
	}
	m := exceptionLine.FindStringSubmatch(l.text)
	if m == nil {
		return "", "", false
	}
	return m[1][strings.LastIndexByte(m[1], '.')+1:], m[2], true
}

func letter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
