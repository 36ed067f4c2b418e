package config

import "testing"

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"seed", "seed", 0},
		{"", "seed", 4},
		{"sed", "seed", 1},
		{"seeed", "seed", 1},
		{"saed", "seed", 1},
		{"esed", "seed", 1},
		{"port", "dir", 3},
		{"max_ouptut_len", "max_output_len", 1},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := editDistance(tt.b, tt.a); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"host", "port", "ready_timeout", "stop_timeout"}
	for s, want := range map[string]string{
		"prot":          "port",
		"hosts":         "host",
		"ready_timout":  "ready_timeout",
		"timeout":       "",
		"x":             "",
		"":              "",
		"concurrency":   "",
		"stop_time_out": "stop_timeout",
	} {
		if got := nearest(s, keys); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
