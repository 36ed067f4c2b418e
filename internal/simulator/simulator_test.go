package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestMain turns the test binary into the simulator where a test needs one in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("SIMULATOR_CHILD") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	status := Run(ctx, []string{self}, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// testTimeout is when a test that waits for something gives up; it plays no part in tests that pass.
const testTimeout = 30 * time.Second

// watchedLog keeps what is written and tells when a text appears in it.
type watchedLog struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newWatchedLog() *watchedLog { return &watchedLog{changed: make(chan struct{})} }

func (l *watchedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *watchedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// size is how much has been written, in bytes.
func (l *watchedLog) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Len()
}

// wait returns when the text is in the log.
func (l *watchedLog) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		l.mu.Lock()
		found, changed := strings.Contains(l.text.String(), text), l.changed
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no %q in the log within %s:\n%s", text, testTimeout, l)
		}
	}
}

// instance is a simulator that runs inside the test.
type instance struct {
	t      *testing.T
	url    string
	stderr *watchedLog
	stdout *watchedLog
	killed chan struct{}
	status chan int
	stop   context.CancelFunc
	truth  string
}

// launchInstance starts a simulator without waiting until it is ready.
func launchInstance(t *testing.T, args ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &instance{
		t: t, stderr: newWatchedLog(), stdout: newWatchedLog(), killed: make(chan struct{}), status: make(chan int, 1), stop: cancel,
		truth: t.TempDir(),
	}
	base := []string{
		"--model", "testdata/tiny-llama", "--host", "127.0.0.1", "--port", "0", "--served-model-name", "m@run-full",
		"--sim-startup", "10ms", "--sim-step", "1ms", "--sim-decode-per-seq", "0", "--sim-prefill-per-token", "0",
		"--sim-truth", s.truth,
	}
	go func() {
		s.status <- run(ctx, program{lookupEnv: os.LookupEnv}, append(base, args...), &logger{stdout: s.stdout, stderr: s.stderr}, sync.OnceFunc(func() { close(s.killed) }))
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case status := <-s.status:
			s.status <- status
		case <-time.After(testTimeout):
			t.Errorf("the simulator did not end")
		}
	})
	return s
}

// startInstance starts a simulator and waits until it is ready.
func startInstance(t *testing.T, args ...string) *instance {
	t.Helper()
	s := launchInstance(t, args...)
	s.stderr.wait(t, "Application startup complete.")
	s.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(s.stderr.String())
	return s
}

// exit waits for the end and returns the exit status.
func (s *instance) exit() int {
	s.t.Helper()
	select {
	case status := <-s.status:
		s.status <- status
		return status
	case <-time.After(testTimeout):
		s.t.Fatalf("the simulator did not end")
		return -1
	}
}

// readTruth reads the truth file of the launch.
func (s *instance) readTruth() Truth {
	s.t.Helper()
	return readTruthFile(s.t, TruthPath(s.truth, "m@run-full"))
}

func readTruthFile(t *testing.T, path string) Truth {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	truth, err := ReadTruth(file)
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// fields is a JSON object.
type fields map[string]any

// body makes a completion request for a prompt of n ids; extra fields replace the standard ones.
func body(n int, extra fields) []byte {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = (i*7 + n) % 250
	}
	request := fields{
		"model": "m@run-full", "prompt": ids, "max_tokens": 4, "temperature": 0, "ignore_eos": true, "stream": true,
		"stream_options": fields{"include_usage": true},
	}
	for name, value := range extra {
		request[name] = value
	}
	if request["stream"] != true {
		delete(request, "stream_options")
	}
	text, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	return text
}

// post sends a completion request; the error is that of reading the body.
func (s *instance) post(id string, text []byte) (status int, answer string, err error) {
	request, err := http.NewRequest(http.MethodPost, s.url+"/v1/completions", bytes.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Id", id)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

// postUntil sends a completion request; it returns what came until ctx ended.
func (s *instance) postUntil(ctx context.Context, text []byte) (string, error) {
	return s.postAs(ctx, "until", text)
}

// postAs is postUntil with an X-Request-Id.
func (s *instance) postAs(ctx context.Context, id string, text []byte) (string, error) {
	return s.postCounting(ctx, id, text, new(atomic.Int64))
}

// postCounting is postAs that tells how many events have come so far.
func (s *instance) postCounting(ctx context.Context, id string, text []byte, came *atomic.Int64) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/completions", bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Id", id)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var read []byte
	for buf := make([]byte, 4096); ; came.Store(int64(len(events(string(read))))) {
		n, err := response.Body.Read(buf)
		if read = append(read, buf[:n]...); err == io.EOF {
			return string(read), nil
		} else if err != nil {
			return string(read), err
		}
	}
}

// events splits a stream into the JSON of its events, [DONE] included.
func events(stream string) []string {
	var out []string
	for part := range strings.SplitSeq(stream, "\n\n") {
		if data, ok := strings.CutPrefix(part, "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

// child is a simulator in a process of its own.
type child struct {
	*exec.Cmd
	stderr *watchedLog
	truth  string
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{stderr: newWatchedLog(), truth: t.TempDir()}
	base := []string{
		"--model", "m", "--host", "127.0.0.1", "--port", "0", "--sim-startup", "10ms", "--sim-truth", c.truth,
	}
	c.Cmd = exec.Command(executable, append(base, args...)...)
	c.Env = append(os.Environ(), "SIMULATOR_CHILD=1", "GORACE=atexit_sleep_ms=0")
	c.Stderr = c.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// golden returns a file of testdata.
func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustParse(t *testing.T, args ...string) *options {
	t.Helper()
	parsed, err := parseArgs(newFlagTable(), args)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOptions(parsed, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
