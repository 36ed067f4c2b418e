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
	statText = "cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
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
		"proc/stat": statText, "proc/net/snmp": snmpText,
	}))
	if diff := cmp.Diff(map[string]time.Duration{"7": 2000, "8": 6}, got.waited); diff != "" {
		t.Error(diff)
	}
	if got.stolen == nil || *got.stolen != (stolen{35, 1000}) {
		t.Errorf("stolen: got %v", got.stolen)
	}
	if got.resent == nil || *got.resent != 42 {
		t.Errorf("resent: got %v", got.resent)
	}
	none := readSelf(files(map[string]string{"proc/stat": "intr 1\n", "proc/net/snmp": "Tcp: RetransSegs\n", "proc/self/task/7/schedstat": "x y\n"}))
	if none.waited != nil || none.stolen != nil || none.resent != nil {
		t.Errorf("nothing that can be read: got %v, %v, %v", none.waited, none.stolen, none.resent)
	}
}

func TestUsed(t *testing.T) {
	at := time.Now()
	n := func(n int) *int { return &n }
	before := selfReading{at: at, cpu: time.Second, gc: debug.GCStats{NumGC: 10, PauseTotal: 100, Pause: []time.Duration{90}},
		waited: map[string]time.Duration{"1": 50, "gone": 1000}, stolen: &stolen{35, 1000}, resent: n(42)}
	after := selfReading{at: at.Add(10 * time.Second), cpu: 4 * time.Second,
		gc:     debug.GCStats{NumGC: 12, PauseTotal: 130, Pause: []time.Duration{10, 20, 90}},
		waited: map[string]time.Duration{"1": 70, "new": 5}, stolen: &stolen{60, 1100}, resent: n(45)}
	wait, steal := time.Duration(25), 0.25
	want := SelfUse{Wall: 10 * time.Second, CPU: 3 * time.Second, Wait: &wait, GCs: 2, GCPause: 30, GCPauseMax: 20, Steal: &steal,
		Retransmits: n(3)}
	if diff := cmp.Diff(want, used(before, after)); diff != "" {
		t.Error(diff)
	}
	after.waited, after.stolen, after.resent = nil, nil, nil
	if got := used(before, after); got.Wait != nil || got.Steal != nil || got.Retransmits != nil {
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
	if _, err := os.Stat("/proc/self/schedstat"); err == nil && got.Wait == nil {
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
