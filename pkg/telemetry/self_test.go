package telemetry

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	statText = "cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 9 9 9 9 9 9 9 9\ncpu2 10 0 0 80 5 0 0 5 0 0\nintr 7\n"
	snmpText = "Ip: Forwarding RetransSegs\nIp: 1 99\nTcp: RtoAlgorithm RetransSegs InErrs\nTcp: 1 42 0\n"
)

func files(list map[string]string) fs.FS {
	root := fstest.MapFS{}
	for name, text := range list {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestReadSelf(t *testing.T) {
	got := readSelf(files(map[string]string{
		"proc/self/task/7/schedstat": "1000 2000 3\n", "proc/self/task/8/schedstat": "5 6 7\n", "proc/self/task/9/schedstat": "",
		"proc/stat": statText, "proc/net/snmp": snmpText, "proc/self/status": "Name:\tx\nCpus_allowed_list:\t0,2-3\nMems_allowed_list:\t1\n",
	}))
	if diff := cmp.Diff(map[string]Waits{"7": {2000, 3}, "8": {6, 7}}, got.waited); diff != "" {
		t.Error(diff)
	}
	if got.ticks.stolen == nil || *got.ticks.stolen != (part{35, 1000}) {
		t.Errorf("stolen: got %v", got.ticks.stolen)
	}
	if got.ticks.own == nil || *got.ticks.own != (part{27 + 15, 36 + 100}) { // processors 0 and 2, without idle and iowait
		t.Errorf("own: got %v", got.ticks.own)
	}
	if got.resent == nil || *got.resent != 42 {
		t.Errorf("resent: got %v", got.resent)
	}
	none := readSelf(files(map[string]string{"proc/stat": "intr 1\n", "proc/net/snmp": "Tcp: RetransSegs\n", "proc/self/task/7/schedstat": "x y\n"}))
	if none.waited != nil || none.ticks != (ticks{}) || none.resent != nil {
		t.Errorf("nothing that can be read: got %v, %v, %v", none.waited, none.ticks, none.resent)
	}
}

func TestUsed(t *testing.T) {
	at := time.Now()
	n := func(n int) *int { return &n }
	before := selfReading{at: at, cpu: time.Second, gc: debug.GCStats{NumGC: 10, PauseTotal: 100, Pause: []time.Duration{90}},
		waited: map[string]Waits{"1": {50, 5}, "gone": {1000, 9}}, ticks: ticks{&part{35, 1000}, &part{100, 500}}, resent: n(42)}
	after := selfReading{at: at.Add(10 * time.Second), cpu: 4 * time.Second,
		gc:     debug.GCStats{NumGC: 12, PauseTotal: 130, Pause: []time.Duration{10, 20, 90}},
		waited: map[string]Waits{"1": {70, 8}, "new": {5, 1}}, ticks: ticks{&part{60, 1100}, &part{175, 600}}, resent: n(45)}
	steal, busy := 0.25, 0.75
	want := SelfUse{Wall: 10 * time.Second, CPU: 3 * time.Second, Waits: &Waits{25, 4}, GCs: 2, GCPause: 30, GCPauseMax: 20, Busy: &busy, Steal: &steal,
		Retransmits: n(3)}
	if diff := cmp.Diff(want, used(before, after)); diff != "" {
		t.Error(diff)
	}
	after.waited, after.ticks, after.resent = nil, ticks{}, nil
	if got := used(before, after); got.Waits != nil || got.Steal != nil || got.Busy != nil || got.Retransmits != nil {
		t.Errorf("not known afterwards: got %+v", got)
	}
}

// What is burnt is counted, and a garbage collection is seen.
func TestWatchSelf(t *testing.T) {
	w := WatchSelf(true)
	for start := cpuTime(); cpuTime()-start < 30*time.Millisecond; {
		sha256.Sum256(make([]byte, 4096))
	}
	runtime.GC()
	got := w.Stop()
	if got.CPU < 30*time.Millisecond || got.Wall < 30*time.Millisecond/time.Duration(runtime.NumCPU()) || got.GCs < 1 || got.GCPause < got.GCPauseMax {
		t.Errorf("got %+v", got)
	}
	if len(got.Wakes) == 0 {
		t.Error("no wakes were sampled")
	}
	if _, err := os.Stat("/proc/self/schedstat"); err == nil && got.Waits == nil {
		t.Error("the wait for processors is not known")
	}
}

func TestWakesAreThinned(t *testing.T) {
	w := &wakeWatch{ending: make(chan struct{})}
	slept := 0
	w.run(func(time.Time) {
		if slept++; slept > maxWakes+5 {
			close(w.ending)
		}
	})
	if got, want := len(w.late), maxWakes/2+5; got != want {
		t.Errorf("got %d samples, want %d", got, want)
	}
	if diff := cmp.Diff([]time.Duration{1, 3, 5}, thinned([]time.Duration{1, 2, 3, 4, 5})); diff != "" {
		t.Error(diff)
	}
}
