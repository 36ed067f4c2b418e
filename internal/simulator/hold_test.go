package simulator

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Two servers that wait for each other share a port: each gets some of the connections.
func TestTwin(t *testing.T) {
	dir := t.TempDir()
	port := strconv.Itoa(freePort(t))
	ours := launchInstance(t, "--port", port, "--sim-reuseport", "--sim-hold", dir+"/twin.*")
	ours.stderr.wait(t, "Supported tasks")
	twin := launchInstance(t, "--port", port, "--sim-reuseport", "--served-model-name", "twin", "--sim-ready-file", dir+"/twin.ready")
	twin.stderr.wait(t, "Application startup complete.")
	ours.stderr.wait(t, "Application startup complete.")
	text, err := os.ReadFile(filepath.Join(dir, "twin.ready"))
	if err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("got ready file %q, %v; want the process id", text, err)
	}
	seen := map[int]bool{}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ours.until(func() bool {
		request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+"/v1/completions", strings.NewReader(string(body(8, nil))))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		seen[response.StatusCode] = true
		return seen[200] && seen[404] // the twin does not know our model
	})
}

// A stranger that listens while we load lets us fail at the end of the start-up.
func TestStrangerFirst(t *testing.T) {
	dir := t.TempDir()
	port := strconv.Itoa(freePort(t))
	ours := launchInstance(t, "--port", port, "--sim-hold", dir+"/ready")
	ours.stderr.wait(t, "Supported tasks")
	stranger := launchInstance(t, "--port", port, "--sim-ready-file", dir+"/ready")
	stranger.stderr.wait(t, "Application startup complete.")
	if got := ours.exit(); got != exitFailure || !strings.Contains(ours.stderr.String(), "OSError: [Errno 98] Address already in use") {
		t.Errorf("got exit status %d and log\n%s\nwant 1 and the reason", got, ours.stderr)
	}
}

func TestHoldIsStopped(t *testing.T) {
	s := launchInstance(t, "--sim-hold", t.TempDir()+"/never")
	s.stderr.wait(t, "Supported tasks")
	s.stop()
	if got := s.exit(); got != exitInterrupted {
		t.Errorf("got exit status %d, want 130", got)
	}
}

func TestReadyFileNotWritable(t *testing.T) {
	s := startInstance(t, "--sim-ready-file", t.TempDir()+"/no/such/folder/file")
	s.stderr.wait(t, "ERROR: writing --sim-ready-file:")
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
