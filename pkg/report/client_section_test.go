package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/client"
)

// auditedRun is sampleRun with what the client found out about itself: stamps by the kernel, read 100 µs late, half of its one
// processor used. The median gap between chunks is 20 ms.
func auditedRun() Run {
	run := sampleRun()
	run.Clients = map[string]ClientAudit{}
	for _, pass := range []string{PassFull, PassSummarization} {
		run.Clients[pass] = ClientAudit{Schema: SchemaVersion, Stamps: StampsKernel, Wall: 2, CPU: 1, Cores: 1, Wait: ptr(0.1), Turns: ptr(1000), Busy: ptr(0.6),
			GCs: 3, GCPause: 0.004, GCPauseMax: 0.002, Steal: ptr(0.25), Retransmits: ptr(5), Connections: 4}
	}
	for i := range run.Full {
		setLags(&run, i, 100)
	}
	for i := range run.Summarization {
		run.Summarization[i].ChunkLagsUS = client.Lags{100}
	}
	return run
}

// setLags sets the lag of each chunk of a row of the full pass, in microseconds; -1 for none.
func setLags(run *Run, row int, lag int32) {
	r := &run.Full[row]
	r.ChunkLagsUS = make(client.Lags, r.Chunks)
	for i := range r.ChunkLagsUS {
		r.ChunkLagsUS[i] = lag
	}
}

// audit changes the audit of a pass.
func audit(run *Run, pass string, change func(*ClientAudit)) {
	a := run.Clients[pass]
	change(&a)
	run.Clients[pass] = a
}

func TestClientSection(t *testing.T) {
	run := auditedRun()
	setLags(&run, 3, -1)
	run.Full[1].Coalesced, run.Full[2].Coalesced = 3, 1
	lagOf(&run, 1, 10) // scheduled 10 ms apart, sent 1 ms apart
	const unstamped = "the stamp of 8 chunks of the full pass is of when this program had read what came, as the kernel's could not be used; " +
		"this machine's clock was set 0 times meanwhile"
	if notes := Summarize(run).Notes; !slices.Contains(notes, Note{Rule: "stamps", Text: unstamped}) {
		t.Errorf("chunks without a stamp: got notes %v", notes)
	}
	got := Summarize(run).Client.Full
	lag := Distribution{N: 24, Mean: ptr(0.1), Std: ptr(0.0), Min: ptr(0.1), Median: ptr(0.1), P90: ptr(0.1), P95: ptr(0.1), P99: ptr(0.1), Max: ptr(0.1)}
	want := &PassClient{Stamps: StampsKernel, Lag: lag, Unstamped: ptr(8), Coalesced: ptr(4), CoalescedShare: ptr(0.125),
		IntendedRate: ptr(100.0), AchievedRate: ptr(1000.0), CPUShare: ptr(0.5), Busy: ptr(0.6), Cores: ptr(1.0), CPUPerChunk: ptr(31250.0),
		Wait: ptr(0.1), GCs: ptr(3), GCPause: ptr(4.0), GCPauseMax: ptr(2.0), Steal: ptr(0.25), Retransmits: ptr(5),
		Connections: ptr(4), ClockSteps: ptr(0)}
	got.Lag.Mean, got.Lag.Std = lag.Mean, lag.Std // of equal values, but for the last digit of a sum
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}

	audit(&run, PassFull, func(a *ClientAudit) {
		a.Stamps, a.Why, a.WakesUS, a.Wait, a.Steal, a.Retransmits = StampsUser, "asked for", []int64{50, 150}, nil, nil, nil
	})
	got = Summarize(run).Client.Full
	notes := Summarize(run).Notes
	if i := slices.IndexFunc(notes, func(n Note) bool { return n.Rule == "stamps" }); i < 0 || !strings.HasSuffix(notes[i].Text, "receive stamps of the kernel: asked for") {
		t.Errorf("user stamps: got notes %v", notes)
	}
	if got.Stamps != StampsUser || got.Unstamped != nil || got.Lag.N != 2 || *got.Lag.Max != 0.15 || got.Wait != nil {
		t.Errorf("user stamps: got %+v", got)
	}
	if s := Summarize(sampleRun()); s.Client.Full != nil || s.Client.Summarization != nil {
		t.Errorf("without an audit: got %+v", s.Client)
	}
	if r := Summarize(auditedRun()).Client.Full; r.IntendedRate != nil || r.AchievedRate != nil {
		t.Errorf("all at once: got rates %v, %v", r.IntendedRate, r.AchievedRate)
	}
	if notes := Summarize(auditedRun()).Notes; slices.ContainsFunc(notes, func(n Note) bool { return n.Rule == "stamps" }) {
		t.Errorf("a stamp for every chunk: got notes %v", notes)
	}
}

// A gap counts as a spike above 4 times the median, not at it.
func TestICLSpikes(t *testing.T) {
	run := sampleRun()
	run.Full[0].ChunkDeltasUS[2], run.Full[1].ChunkDeltasUS[0], run.Full[2].ChunkDeltasUS[5] = 80_000, 80_001, 200_000
	if got := Summarize(run).ICLSpikes; got == nil || *got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	for i := range run.Full {
		run.Full[i].Chunks, run.Full[i].ChunkDeltasUS = 1, nil
	}
	if got := Summarize(run).ICLSpikes; got != nil {
		t.Errorf("without gaps: got %d, want none", *got)
	}
}

// As many chunks as tokens are one token each only as long as nobody says otherwise.
func TestITLNeedsOneTokenInEveryChunk(t *testing.T) {
	run := sampleRun()
	run.Full[1].ChunkTokens = []int32{1, 1, 1, 1, 1, 1, 1, 1}
	if Summarize(run).ITL == nil {
		t.Error("one token each: no itl_ms")
	}
	run.Full[1].ChunkTokens = []int32{1, 2, 0, 1, 1, 1, 1, 1}
	if Summarize(run).ITL != nil {
		t.Error("two tokens in a chunk and none in another: itl_ms is there")
	}
}

// Each rule of the client on both sides of its boundary.
func TestClientRules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   []string
		text   string
	}{
		{"nothing wrong", func(*Run) {}, nil, ""},
		{"90 % of its processors", func(r *Run) { audit(r, PassFull, func(a *ClientAudit) { a.CPU = 1.8 }) }, nil, ""},
		{"above 90 %", func(r *Run) { audit(r, PassFull, func(a *ClientAudit) { a.CPU = 1.81 }) }, []string{"suspect client_cpu"},
			"this client was the bottleneck in the full pass: it used 90 % of the 1 processor it may use, where 90 % are allowed"},
		{"of two processors", func(r *Run) {
			audit(r, PassSummarization, func(a *ClientAudit) { a.CPU, a.Cores = 3.8, 2 })
		}, []string{"suspect client_cpu"}, "in the summarization pass: it used 95 % of the 2 processors"},

		{"late with kernel stamps, and nobody else to blame", func(r *Run) { setLags(r, 0, 5000) }, nil, ""},
		{"late by 5 % of the gap with user stamps", func(r *Run) { byUser(r, 1000, 1000) }, nil, ""},
		{"late by more than 5 % with user stamps", func(r *Run) { byUser(r, 1001, 1001) }, []string{"suspect client_lag"},
			"late by 1.001 ms (p99), more than 5 % of the median gap between chunks (1.000 ms), and its own clock"},
		{"without gaps there is nothing to spoil", func(r *Run) {
			byUser(r, 9000, 9000)
			for i := range r.Full {
				r.Full[i].Chunks, r.Full[i].ChunkDeltasUS = 1, nil
			}
		}, nil, ""},

		{"processors used up, but not late", func(r *Run) { audit(r, PassFull, func(a *ClientAudit) { a.Busy = ptr(1.0) }) }, nil, ""},
		{"late, with processors at 90 %", func(r *Run) {
			setLags(r, 0, 5000)
			audit(r, PassFull, func(a *ClientAudit) { a.Busy = ptr(0.9) })
		}, nil, ""},
		{"late, with processors above 90 %", func(r *Run) {
			setLags(r, 0, 5000)
			audit(r, PassFull, func(a *ClientAudit) { a.Busy = ptr(0.901) })
		}, []string{"suspect client_starved"}, "the 1 processor it may use had 90 % of their time used up (90 % are allowed), 50 % by the client itself"},
		{"late with user stamps and starved", func(r *Run) {
			byUser(r, 2000, 2000)
			audit(r, PassFull, func(a *ClientAudit) { a.Busy = ptr(1.0) })
		}, []string{"suspect client_lag", "suspect client_starved"}, "its own clock"},

		{"1 % of the chunks coalesced", func(r *Run) { r.Manifest.Thresholds.CoalescedShare = 1.0 / 32; r.Full[0].Coalesced = 1 }, nil, ""},
		{"more than 1 %, read at once", func(r *Run) { r.Full[0].Coalesced = 1 }, []string{"suspect coalesced"},
			"1 chunks of the full pass (3.1 %) came out of the same read as the one before and have its stamp, where 1 % are " +
				"allowed: itl_ms is too short for them and too long for others; the client read without delay"},
		{"more than 1 %, read late", func(r *Run) { r.Full[0].Coalesced = 1; setLags(r, 0, 1500) }, []string{"suspect coalesced"},
			"leave the client more CPU"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := auditedRun()
			tc.change(&run)
			wantReasons(t, Summarize(run), tc.want, tc.text)
		})
	}
}

// byUser makes the full pass one with user stamps and these wakes.
func byUser(run *Run, wakes ...int64) {
	audit(run, PassFull, func(a *ClientAudit) { a.Stamps, a.WakesUS = StampsUser, wakes })
	for i := range run.Full {
		run.Full[i].ChunkLagsUS = nil
	}
}

func TestClientAuditIsReadBack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/full/x", "")
	want := auditedRun().Clients[PassFull]
	if err := WriteClientAudit(dir, PassFull, want); err != nil {
		t.Fatal(err)
	}
	got, err := readClientAudit(dir, PassFull)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, &want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	if got, err := readClientAudit(dir, PassSummarization); got != nil || err != nil {
		t.Errorf("none there: got %v, %v", got, err)
	}
	for text, want := range map[string]string{
		`{"schema": 9}`: "schema version 9; this program reads versions 1 to 2", `{"schema": 2, "cpu_s": "x"}`: "full/client.json:1: json: ",
	} {
		write(t, dir+"/full/"+ClientFile, text)
		if _, err := readClientAudit(dir, PassFull); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
