package orchestrate

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/selftest"
)

func TestSelftestFinding(t *testing.T) {
	shown := func(l *selftest.Limit) *selftest.Result {
		return &selftest.Result{Schema: selftest.Schema, Time: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), Host: selftest.ThisHost(),
			Limit: l}
	}
	other := shown(&selftest.Limit{Streams: 8, TokensPerSecond: 400})
	other.Host.CPUModel = "another"
	tests := []struct {
		name     string
		requests int
		stored   *selftest.Result
		want     []string
	}{
		{"none yet", 1024, nil, []string{}},
		{"enough", 256, shown(&selftest.Limit{Streams: 256, TokensPerSecond: 12800}), []string{}},
		{"more than was exact", 257, shown(&selftest.Limit{Streams: 256, TokensPerSecond: 12800}),
			[]string{"warning [selftest] 257 requests at once: the last selftest of this box (2026-11-23) showed that this client is " +
				"exact with up to 256 streams at 12800 tokens/s"}},
		{"nothing was exact", 1, shown(nil), []string{"warning [selftest] 1 request at once: the last selftest of this box (2026-11-23) " +
			"showed that this client measures none of the loads that it tried exactly"}},
		{"of another box", 1024, other, []string{}},
	}
	for _, tt := range tests {
		c := checkerOf(t, machineOf(), tt.requests)
		c.o.SelftestDir = t.TempDir()
		if tt.stored != nil {
			if _, err := tt.stored.Store(c.o.SelftestDir); err != nil {
				t.Fatal(err)
			}
		}
		c.selftest()
		if diff := cmp.Diff(tt.want, texts(c.found.Findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestDamagedSelftest(t *testing.T) {
	c := checkerOf(t, machineOf(), 1)
	c.o.SelftestDir = t.TempDir()
	file, err := (&selftest.Result{Host: selftest.ThisHost()}).Store(c.o.SelftestDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Clean(file), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.selftest()
	if len(c.found.Warnings()) != 1 || c.found.Code() != ExitOK {
		t.Errorf("got %v, want one warning", texts(c.found.Findings))
	}
}
