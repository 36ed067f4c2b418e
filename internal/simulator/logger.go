package simulator

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// logger writes the log of vLLM: its own lines to stderr, the access log to stdout. Lines of different goroutines do not mix.
type logger struct {
	mu             sync.Mutex
	stdout, stderr io.Writer
	// pids are the processes that play the parts of vLLM's; those that are missing are played by this one.
	pids map[string]int
}

// The processes of vLLM that a line can come from.
const (
	fromAPI    = "APIServer"
	fromEngine = "EngineCore"
	fromWorker = "Worker"
)

// info writes a line of vLLM's own logger.
func (l *logger) info(process, source, format string, args ...any) {
	l.line("%s %s [%s] %s", l.prefix(process), stamp("INFO"), source, fmt.Sprintf(format, args...))
}

// warn writes a warning of the API server.
func (l *logger) warn(source, text string) {
	l.line("%s %s [%s] %s", l.prefix(fromAPI), stamp("WARNING"), source, text)
}

// prefix is how vLLM marks the lines of its processes.
func (l *logger) prefix(process string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	pid, ok := l.pids[process]
	if !ok {
		pid = os.Getpid()
	}
	return fmt.Sprintf("(%s pid=%d)", process, pid)
}

// name says which process plays a part.
func (l *logger) name(process string, pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pids == nil {
		l.pids = map[string]int{}
	}
	l.pids[process] = pid
}

func stamp(level string) string { return level + " " + time.Now().Format("01-02 15:04:05") }

// line writes a line as it is.
func (l *logger) line(format string, args ...any) { l.text(fmt.Sprintf(format, args...) + "\n") }

// text writes text as it is.
func (l *logger) text(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.stderr, text) // a log that nobody reads is no reason to stop
}

// access writes uvicorn's line about a request.
func (l *logger) access(r *http.Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.stdout, "INFO:     %s - \"%s %s %s\" %d %s\n",
		r.RemoteAddr, r.Method, r.URL.RequestURI(), r.Proto, status, http.StatusText(status))
}

// traceback writes a Python exception as an uncaught one appears.
func (l *logger) traceback(err error) {
	prefix := l.prefix(fromAPI) + " "
	lines := append([]string{
		"Traceback (most recent call last):",
		`  File "<frozen runpy>", line 198, in _run_module_as_main`,
		`  File "<frozen runpy>", line 88, in _run_code`,
	}, strings.Split(strings.TrimSuffix(err.Error(), "\n"), "\n")...)
	l.text(prefix + strings.Join(lines, "\n"+prefix) + "\n")
}

// throughput writes the line that vLLM writes every ten seconds unless the engine is idle.
func (l *logger) throughput(before, now totals, interval time.Duration) {
	prompt, generated := (now.prompt-before.prompt)/interval.Seconds(), (now.generated-before.generated)/interval.Seconds()
	if prompt+generated+now.running+now.waiting == 0 {
		return
	}
	text := fmt.Sprintf("Engine 000: Avg prompt throughput: %.1f tokens/s, Avg generation throughput: %.1f tokens/s, "+
		"Running: %d reqs, Waiting: %d reqs", prompt, generated, int(now.running), int(now.waiting))
	if preempted := now.preemptions - before.preemptions; preempted > 0 {
		text += fmt.Sprintf(", Preemptions: %d", int(preempted))
	}
	text += fmt.Sprintf(", GPU KV cache usage: %.1f%%", 100*now.cacheUse)
	if now.queries > 0 {
		text += fmt.Sprintf(", Prefix cache hit rate: %.1f%%", 100*now.hits/now.queries)
	}
	l.info(fromAPI, "loggers.py:335", "%s", text)
}
