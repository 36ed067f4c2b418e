package simulator

import (
	"os"
	"strings"
	"testing"
)

// The first launches fail and the next one does not, all with the same command line.
func TestCount(t *testing.T) {
	state := t.TempDir() + "/made/by/the/first"
	args := []string{"--sim-state", state, "--sim-fault", "fail-log:class=free_memory,count=2", "exit:phase=loading,status=7,count=1,pass=other"}
	for launch := range 3 {
		s := launchInstance(t, args...)
		if launch < 2 {
			if got := s.exit(); got != exitFailure || !strings.Contains(s.stderr.String(), "Free memory on device") {
				t.Errorf("launch %d: got exit status %d and log\n%s\nwant 1 and the failure", launch, got, s.stderr)
			}
			continue
		}
		s.stderr.wait(t, "Application startup complete.")
	}
	s := launchInstance(t, append(args, "--served-model-name", "m@run-other")...)
	if got := s.exit(); got != 7 {
		t.Errorf("another pass: got exit status %d, want 7", got)
	}
	entries, err := os.ReadDir(state)
	if err != nil || len(entries) != 3 {
		t.Errorf("got state %v, %v; want one file for each launch that failed", entries, err)
	}
}

func TestCountErrors(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--sim-fault", "kill:count=1"}, exitUsage, `count in "kill:count=1" needs --sim-state DIR`},
		{[]string{"--sim-fault", "kill-engine"}, exitUsage, "argument --sim-fault: kill-engine needs --sim-tree"},
		{[]string{"--sim-hold", "a[", "--sim-fault", "exit"}, exitUsage, `argument --sim-hold: "a[" is no pattern of file names`},
		{[]string{"--sim-fault", "kill:count=1", "--sim-state", file + "/x"}, exitFailure, "OSError: [Errno 20] Not a directory"},
	}
	for _, tt := range tests {
		s := launchInstance(t, tt.args...)
		if got := s.exit(); got != tt.status || !strings.Contains(s.stderr.String(), tt.want) {
			t.Errorf("%q: got exit status %d and log\n%s\nwant %d and %q", tt.args, got, s.stderr, tt.status, tt.want)
		}
	}
}
