package selftest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *Result {
	r := &Result{Schema: Schema, Time: time.Date(2026, 11, 23, 2, 33, 39, 0, time.UTC), Version: "v1",
		Host:       Host{Hostname: "box", CPUModel: "EPYC", CPUs: 64, Kernel: "6.1"},
		IntervalMS: 20, DurationS: 5, PromptTokens: 1024, ClientCPUs: []int{0}, ServerCPUs: []int{1, 2}, Stamps: "kernel",
		Levels: []Level{
			{Streams: 64, Events: 16000, EventsPerSecond: 3200.4, ITLError: &Spread{0.9, 12.2, 60}, TTFTError: &Spread{6, 15, 40.6},
				ScheduleLag: &Spread{20, 30, 31}, ClientLag: &Spread{11, 55, 800}, CPUPerEvent: 14.25, CPUShare: 0.05, MemoryPerStream: new(50_000.0),
				Seen: &Times{20, 20.1, 60.5}, True: &Times{20, 20.1, 60.1}, ServerLate: &Spread{50, 100, 200}, ServerCPUShare: 0.1, Exact: true},
			{Streams: 2048, Events: 500_000, EventsPerSecond: 98_000, Failed: 1, Failure: "cut_stream: broke", Lost: 12, Extra: 3,
				ITLError: &Spread{100, 20_100, 60_000}, TTFTError: &Spread{1, 2, 3}, Coalesced: 0.251, CPUPerEvent: 9.9, CPUShare: 0.99},
		}}
	r.conclude()
	return r
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	want := sample()
	if got, err := Stored(dir, want.Host); got != nil || err != nil {
		t.Errorf("before anything was stored: got %v, %v", got, err)
	}
	file, err := want.Store(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Stored(dir, Host{Hostname: "box", CPUModel: "EPYC", CPUs: 2})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("read back (-want +got): %v\n%s", err, diff)
	}
	for _, other := range []Host{{Hostname: "box", CPUModel: "Xeon"}, {Hostname: "../box", CPUModel: "EPYC"}} {
		if got, err := Stored(dir, other); got != nil || err != nil {
			t.Errorf("of %+v: got %v, %v; want nothing", other, got, err)
		}
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("files: got %v, %v; want one", left, err)
	}
	for text, bad := range map[string]bool{`{"schema":99}`: false, "{": true} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Stored(dir, want.Host); got != nil || (err != nil) != bad {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestDir(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/sqzb-orchestrate"},
		{map[string]string{"XDG_STATE_HOME": "s", "HOME": "/h"}, "/h/.local/state/sqzb-orchestrate"},
		{map[string]string{"HOME": "h"}, ""},
		{nil, ""},
	}
	for _, tt := range tests {
		got := Dir(func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok })
		if got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.env, got, tt.want)
		}
	}
}

func TestText(t *testing.T) {
	const file = "testdata/selftest.txt"
	user := sample()
	user.Stamps, user.StampsWhy, user.ClientCPUs = "user", "the kernel gives no receive stamps", nil
	user.Levels = []Level{{Streams: 8, Failed: 8, Failure: "connect: refused"}}
	user.conclude()
	got := append(append(sample().Text(), "\n---\n\n"...), user.Text()...)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
