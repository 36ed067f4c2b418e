package server

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxCandidates is how many errors are kept of a failure that nothing known explains.
const maxCandidates = 5

// maxProcesses is how many processes' tracebacks are followed at a time.
const maxProcesses = 64

// scanner searches a log for the cause of a failure. It keeps the first line of the strongest cause, the first sign that a
// process died, the first few errors, and the state of the traceback that each process is in the middle of.
type scanner struct {
	// start and end are the part of the log that was searched.
	start, end int64
	// ready says that the server was ready at some time: then only what comes after counts.
	ready bool

	best       cause
	death      death
	candidates []statement
	// shell is the last complaint of a shell about a program that it cannot run.
	shell  statement
	traces map[string]*trace
	// awaiting says that a trace has a validation error whose particulars are still to come.
	awaiting bool
}

// statement is a line that tells of a failure.
type statement struct {
	line   string
	number int
	// exception is the name of the exception, without its modules; empty if it is none.
	exception string
	// text is what rules are matched with: all of the line, or the message of the exception.
	text string
	// printed is true for what was neither logged as an error nor is an exception.
	printed bool
}

// trace is what is known of the traceback that a process is printing.
type trace struct {
	// request says that the lines are about a request that failed, which is no reason for a server to end.
	request bool
	// file is the last frame's, source the last line of source code.
	file, source string
	// invalid is a validation error whose particulars are still to come, field the one that they are about.
	invalid *statement
	field   string
}

// cause is an explanation that was found.
type cause struct {
	statement
	rule   *rule
	weight weight
}

// death is a sign that a process of the server died, reported by another.
type death struct {
	line   string
	number int
	// signal is what ended it, empty if nobody says.
	signal string
}

// scanLog searches a log.
func scanLog(log io.ReadSeeker, ready bool) *scanner {
	s := &scanner{ready: ready, traces: map[string]*trace{}}
	s.start, s.end = extent(log)
	if s.end > s.start {
		readLines(log, s.end-s.start, s.line)
	}
	for _, process := range slices.Sorted(maps.Keys(s.traces)) {
		if t := s.traces[process]; t.invalid != nil {
			s.consider(t, *t.invalid)
		}
	}
	return s
}

// readyMark is logged when the server starts to answer.
const readyMark = "Application startup complete"

// line looks at the next line.
func (s *scanner) line(number int, raw []byte) {
	if len(raw) < shortestLine && !s.awaiting {
		return
	}
	l := parseLine(string(raw))
	if s.ready && strings.Contains(l.text, readyMark) {
		s.best, s.death, s.candidates, s.shell, s.awaiting = cause{}, death{}, nil, statement{}, false
		clear(s.traces)
	}
	t := s.trace(l.process)
	if l.level != "" {
		t.request = requestSource(l.source) || strings.HasPrefix(l.text, "Exception in ASGI application")
	}
	if !l.failed() {
		if l.level == "WARNING" {
			s.noteDeath(statement{line: l.text, number: number, text: l.text})
		}
		return
	}
	if s.validation(t, &l, number) || t.frame(l.text) || !l.said() {
		return
	}
	st := l.statement(number, t)
	if st.exception == "ValidationError" {
		t.invalid, s.awaiting = &st, true
		return
	}
	s.consider(t, st)
}

// statement is what a line says that is in the middle of nothing.
func (l *logLine) statement(number int, t *trace) statement {
	name, message, found := l.exception()
	if !found {
		return statement{line: l.text, number: number, text: l.text, printed: l.level == ""}
	}
	st := statement{line: l.text, number: number, exception: name, text: message}
	if message == "" && t.source != "" {
		// Without a message, as of a bare assertion, the source has to do.
		st.line += " (" + t.source + ")"
	}
	return st
}

// requestSource tells whether a file of the API server logs what went wrong with a single request.
func requestSource(file string) bool {
	file = file[strings.LastIndexByte(file, '/')+1:]
	switch file {
	case "api_router.py", "http.py", "validation.py", "vllm_error.py", "exception.py":
		return true
	}
	return strings.HasPrefix(file, "serving")
}

// trace returns the state of a process's traceback.
func (s *scanner) trace(process string) *trace {
	t := s.traces[process]
	if t == nil {
		if len(s.traces) >= maxProcesses {
			clear(s.traces)
		}
		t = &trace{}
		s.traces[process] = t
	}
	return t
}

// frame notes a frame or a line of source of a traceback, and tells whether the text was one.
func (t *trace) frame(text string) bool {
	trimmed := strings.TrimLeft(text, " ")
	if file, found := strings.CutPrefix(trimmed, "File \""); found {
		t.file, _, _ = strings.Cut(file, "\"")
		t.source = ""
		return true
	}
	if len(trimmed) == len(text) || trimmed == "" {
		return false
	}
	if strings.Trim(trimmed, "^~ ") != "" && t.source == "" {
		t.source = trimmed
	}
	return true
}

// fieldName is the line by which a validation error names a field.
var fieldName = regexp.MustCompile(`^[\w.-]{1,80}$`)

// validation follows the lines after "1 validation error for ModelConfig", which say what it is about, and tells whether the
// line was one of them.
func (s *scanner) validation(t *trace, l *logLine, number int) bool {
	if t.invalid == nil {
		return false
	}
	text := strings.TrimSpace(l.text)
	switch {
	case strings.HasPrefix(text, "Value error, "), strings.HasPrefix(text, "Assertion failed, "), text != l.text && text != "":
		st := *t.invalid
		if t.field != "" {
			text = t.field + ": " + text
		}
		text, _, _ = strings.Cut(text, " [type=")
		st.line, st.text, st.number = text, text, number
		t.invalid, t.field, s.awaiting = nil, "", false
		s.consider(t, st)
		return true
	case fieldName.MatchString(text):
		t.field = text
		return true
	}
	s.consider(t, *t.invalid)
	t.invalid, t.field, s.awaiting = nil, "", false
	return false
}

// consider weighs a statement.
func (s *scanner) consider(t *trace, st statement) {
	file := t.file
	if st.exception != "" {
		t.file, t.source = "", ""
	}
	if s.noteDeath(st) || t.request || containsAny(st.text, noise) {
		return
	}
	if r := explain(st, file); r != nil {
		if w := r.weight(); w > s.best.weight {
			s.best = cause{statement: st, rule: r, weight: w}
		}
	}
	if st.printed && containsAny(st.text, shellComplaints) {
		s.shell = st
	}
	if !st.printed && st.exception != "KeyboardInterrupt" && st.exception != "SystemExit" {
		s.noteCandidate(st)
	}
}

// noise are texts of errors that end no server: attempts that are made again, of which the last one is raised, and what
// Python says while it ends.
var noise = []string{"Error retrieving ", "Exception ignored in", "sys.meta_path is None"}

// noteCandidate keeps an error in case nothing explains the failure. Exceptions come before messages.
func (s *scanner) noteCandidate(st statement) {
	for _, known := range s.candidates {
		if known.text == st.text {
			return
		}
	}
	if len(s.candidates) == maxCandidates {
		return
	}
	at := len(s.candidates)
	for st.exception != "" && at > 0 && s.candidates[at-1].exception == "" {
		at--
	}
	s.candidates = append(s.candidates[:at], append([]statement{st}, s.candidates[at:]...)...)
}

func (s *scanner) candidateLines() []string {
	var lines []string
	for _, c := range s.candidates {
		lines = append(lines, causeLine(c.line))
	}
	return lines
}

// deaths are the texts by which one process reports that another died, or passes on its failure.
var deaths = []string{
	"Engine core initialization failed", "Engine process failed to start", "EngineDeadError", "died unexpectedly",
	"EngineCore encountered an issue", "engine core exited unexpectedly", "Engine core died", "MQLLMEngine is already dead",
	"AsyncEngineDeadError", "WorkerProc initialization failed due to an exception", "Background loop has errored already",
	"Background loop is stopped", "Got fatal signal from worker processes", "Worker failed with error", "died, exit code:",
	") died with exit code", "Frontend process failed during engine core initialization", "Engine loop is not running",
	"AsyncLLM output_handler failed", "EngineCore failed to start", "EngineCore encountered a fatal error",
	"EngineCore hit an exception", "WorkerProc hit an exception", "WorkerProc failed to start", "WorkerProc failed",
	"Engine background task failed",
}

// deathCode is the exit code in such a text: "(exit code: -9)", "died, exit code: -6", "{'EngineCore_DP0': -11}".
var deathCode = regexp.MustCompile(`(?:exit code:? |': )-(\d{1,2})\b`)

// noteDeath keeps the first report of a death, and the first one that tells a signal. It returns whether st is such a report
// and nothing more: one that passes on the text of the failure may still explain it.
func (s *scanner) noteDeath(st statement) bool {
	found := st.exception == "EngineDeadError"
	for _, text := range deaths {
		if found {
			break
		}
		found = strings.Contains(st.text, text)
	}
	if !found {
		return false
	}
	signal := ""
	if m := deathCode.FindStringSubmatch(st.text); m != nil {
		// SIGTERM and SIGINT are how a server that fails for another reason stops its own processes.
		if n := atoi(m[1]); n != 15 && n != 2 {
			signal = signals[n]
		}
	}
	if s.death.line == "" || s.death.signal == "" && signal != "" {
		s.death = death{line: causeLine(st.line), number: st.number, signal: signal}
	}
	return !strings.Contains(st.text, "with error '")
}
