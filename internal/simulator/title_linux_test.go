package simulator

import (
	"strings"
	"testing"
)

func TestArgumentAreas(t *testing.T) {
	for _, stat := range []string{"", "7 (a) b) S " + strings.Repeat("1 ", 44) + "100 120 121", "1", "1 (x) S 1 2", "1 (a b) c) " + strings.Repeat("0 ", 60), ")" + strings.Repeat(" x", 60), "1 (x)"} {
		if areas, err := argumentAreas([]byte(stat)); err == nil {
			t.Errorf("%q: got %v, want an error", stat, areas)
		}
	}
	stat := "7 (a) b) S " + strings.Repeat("1 ", 44) + "100 120 121 160 0"
	if got, err := argumentAreas([]byte(stat)); err != nil || got != [4]int64{100, 120, 121, 160} {
		t.Errorf("got %v, %v; want 100 120 121 160", got, err)
	}
}

func FuzzArgumentAreas(f *testing.F) {
	f.Add([]byte("7 (a) b) S " + strings.Repeat("1 ", 44) + "100 120 121 160 0"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		areas, err := argumentAreas(stat)
		if err == nil && (areas[0] <= 0 || areas[1] <= areas[0] || areas[3] < areas[2]) {
			t.Errorf("got areas %v", areas)
		}
	})
}
