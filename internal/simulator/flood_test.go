package simulator

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestByteCount(t *testing.T) {
	tests := []struct {
		text string
		want int64
	}{{"7", 7}, {"7B", 7}, {"3kB", 3000}, {"100MB", 100e6}, {"1GB", 1e9}, {"2147483647GB", 2147483647e9}, {"", 0}, {"1.5MB", 0}, {"-1B", 0}, {"1TB", 0}, {"MB", 0}}
	for _, tt := range tests {
		got, err := byteCount(tt.text)
		if got != tt.want || (err != nil) != (tt.want == 0) {
			t.Errorf("%q: got %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestFloods(t *testing.T) {
	// What there is in the log of a server with no fault, at most.
	const usual = 20_000
	tests := []struct {
		fault    string
		total    int
		newlines bool
		valid    bool
	}{
		{"log-flood:total=1MB", 1e6, true, true},
		{"log-flood:total=300kB,phase=loading,after=1ms", 300e3, true, true},
		{"log-no-newline:total=200kB,request=0", 200e3, false, true},
		{"log-invalid-utf8:total=130kB", 130e3, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			s := startInstance(t, "--sim-fault", tt.fault)
			if status, _, err := s.post("r", body(8, nil)); status != 200 || err != nil {
				t.Errorf("under the flood: got %d, %v; want a stream", status, err)
			}
			s.until(func() bool { return s.stderr.size() >= tt.total })
			s.stop()
			if got := s.exit(); got != exitOK {
				t.Errorf("got exit status %d, want 0", got)
			}
			text := s.stderr.String()
			if n := len(text); n < tt.total || n > tt.total+usual {
				t.Errorf("got %d bytes of log, want %d and a little", n, tt.total)
			}
			if lines := strings.Count(text, "\n"); (lines > tt.total/1000) != tt.newlines {
				t.Errorf("got %d lines in %d bytes", lines, len(text))
			}
			if utf8.ValidString(text) != tt.valid {
				t.Errorf("got valid UTF-8 %t, want %t", !tt.valid, tt.valid)
			}
		})
	}
}

// A flood keeps its rate, and ends with the server.
func TestFloodRate(t *testing.T) {
	began := time.Now()
	s := startInstance(t, "--sim-fault", "log-flood:rate=1MB/s")
	s.until(func() bool { return s.stderr.size() > 250_000 })
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("got 250 kB within %s, want 1 MB/s", took)
	}
	s.stop()
	if got := s.exit(); got != exitOK {
		t.Errorf("got exit status %d, want 0", got)
	}
}
