package simulator

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadArgs(t *testing.T) {
	tests := []struct {
		name string
		argv []string
		want map[string]string // the last value of each
	}{
		{"nothing of ours", []string{"--port", "1"}, map[string]string{"--port": "1"}},
		{"a launch that is meant", []string{"--served-model-name", "m@r-full", "--port", "1", "--sim-when", "-full: --port 2 --enforce-eager"},
			map[string]string{"--port": "2", "--enforce-eager": "true"}},
		{"a launch that is not", []string{"--served-model-name", "m@r-full", "--port", "1", "--sim-when", "summarization: --port 2"},
			map[string]string{"--port": "1", "--enforce-eager": ""}},
		{"two of them", []string{"--served-model-name", "m@r-full", "--sim-when", "full: --port 2", "m@: --port 3"}, map[string]string{"--port": "3"}},
		{"a refused flag that is not given", []string{"--sim-refuse", "enforce-eager", "--port", "1"}, map[string]string{"--port": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args, err := readArgs(tt.argv)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name := range tt.want {
				got[name] = argValues{args}.text(name, "")
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("values (-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadArgsErrors(t *testing.T) {
	tests := []struct {
		argv []string
		want string
	}{
		{[]string{"--sim-refuse", "enable-per-request-metrics", "--enable-per-request-metrics"}, "unrecognized arguments: --enable-per-request-metrics"},
		{[]string{"--sim-refuse", "enforce-eager", "port", "--port", "1", "--enforce-eager"}, "unrecognized arguments: --port --enforce-eager"},
		// As argparse has it: what is left of a flag that it does not know fills a positional.
		{[]string{"--sim-refuse", "port", "--port", "1", "2"}, "unrecognized arguments: --port 2"},
		{[]string{"--sim-refuse", "no-such"}, "argument --sim-refuse: the simulator has no flag --no-such"},
		{[]string{"--sim-when", "full"}, `argument --sim-when: "full" has no flags; allowed: TEXT: FLAG [VALUE] ...`},
		{[]string{"--sim-when", "full: "}, `argument --sim-when: "full: " has no flags; allowed: TEXT: FLAG [VALUE] ...`},
		{[]string{"--sim-when", ": --no-such"}, "unrecognized arguments: --no-such"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.argv, " "), func(t *testing.T) {
			_, err := readArgs(tt.argv)
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			if diff := cmp.Diff(usage.text, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// A refused flag ends the launch as argparse does, and the version shows where vLLM shows it.
func TestVariation(t *testing.T) {
	s := launchInstance(t, "--sim-refuse", "enable-per-request-metrics", "--enable-per-request-metrics")
	want := "api_server.py: error: unrecognized arguments: --enable-per-request-metrics"
	if got := s.exit(); got != exitUsage || !strings.Contains(s.stderr.String(), want) {
		t.Errorf("got exit status %d and log\n%s\nwant 2 and %q", got, s.stderr, want)
	}
	s = startInstance(t, "--sim-when", "-full: --sim-version 0.99.1", "-other: --sim-version 0.99.2")
	response, err := http.Get(s.url + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != `{"version":"0.99.1"}` {
		t.Errorf("got version %s, %v; want 0.99.1", text, err)
	}
	if !strings.Contains(s.stderr.String(), "(v0.99.1)") {
		t.Errorf("got log\n%s\nwant the version in it", s.stderr)
	}
}
