package report

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// The wanted numbers were computed from the same files by numpy 2.3.5, not by this program.
func TestSummarizeAsNumpy(t *testing.T) {
	s := Summarize(readFixture(t, "run"))
	for _, tc := range []struct {
		name      string
		got, want Distribution
	}{
		{"client_ttft_ms", s.ClientTTFT, numbers(7, 65.075, 1.8825601362683382, 62.65, 64.754, 66.6234, 67.7712,
			68.68943999999999, 68.919)},
		{"ttft_ms", s.TTFT, s.ClientTTFT},
		{"client_tpot_ms", s.ClientTPOT, numbers(7, 20.5214, 0.10710194520486922, 20.369999999999997, 20.4992, 20.6398,
			20.6404, 20.640880000000003, 20.641000000000002)},
		{"tpot_ms", s.TPOT, s.ClientTPOT},
		{"tpot_sqzb_ms", s.TPOTSqzb, numbers(7, 16.855440476190477, 0.6111385979568776, 15.48075, 17.047666666666668,
			17.181066666666666, 17.19011666666667, 17.197356666666668, 17.199166666666667)},
		{"icl_ms", s.ICL, numbers(33, 20.514151515151518, 0.5032695054101312, 20.045, 20.331, 21.0854, 21.5456,
			21.976480000000002, 22.164)},
		{"e2el_ms", s.E2EL, numbers(7, 161.7845714285714, 15.538900849772086, 126.869, 166.859, 169.4442, 170.68859999999998,
			171.68411999999998, 171.933)},
		{"schedule_lag_ms", s.ScheduleLag, numbers(7, 0.14042857142857143, 0.053643443659211955, 0.045, 0.152,
			0.18820000000000003, 0.20109999999999997, 0.21141999999999997, 0.214)},
		{"summarization.client_ttft_ms", s.Summarization.ClientTTFT, numbers(7, 57.991142857142854, 1.9583879789741538,
			55.585, 58.777, 59.8472, 60.1661, 60.42122, 60.485)},
		{"summarization.schedule_lag_ms", s.Summarization.ScheduleLag, numbers(7, 0.08185714285714286, 0.02799659843283687,
			0.027, 0.085, 0.10400000000000001, 0.10999999999999999, 0.1148, 0.116)},
	} {
		if diff := cmp.Diff(tc.got, tc.want, near); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tc.name, diff)
		}
	}
	want := Totals{
		TotalInputTokens: ptr(247), TotalGeneratedTokens: ptr(40),
		EndToEndLatency: ptr(0.485611117), SummarizationLatency: ptr(0.126213117), GenerationLatency: ptr(0.359398),
		SummarizationThroughput: ptr(247 / 0.126213117), EndToEndThroughput: ptr(40 / 0.485611117),
		GenerationThroughput: ptr(40 / 0.359398), RequestThroughput: ptr(7 / 0.485611117),
		MeasuredGenerationLatency: ptr(0.405115), MeasuredGenerationThroughput: ptr(40 / 0.405115),
	}
	if diff := cmp.Diff(s.Totals, want, near); diff != "" {
		t.Errorf("totals (-got +want):\n%s", diff)
	}
}

func TestSummarizeOfRoundNumbers(t *testing.T) {
	s := Summarize(sampleRun())
	// Row 0 is sent at 1 ms; row 3 is complete at 4 + 80 + 7 × 20 + 1 = 225 ms, in the summarization pass at 85 ms.
	want := Totals{
		TotalInputTokens: ptr(46), TotalGeneratedTokens: ptr(32),
		EndToEndLatency: ptr(0.224), SummarizationLatency: ptr(0.084), GenerationLatency: ptr(0.140),
		SummarizationThroughput: ptr(46 / 0.084), EndToEndThroughput: ptr(32 / 0.224),
		GenerationThroughput: ptr(32 / 0.140), RequestThroughput: ptr(4 / 0.224),
		// From the first token of row 0 at 51 ms to the last of row 3 at 224 ms there is always a request between the two.
		MeasuredGenerationLatency: ptr(0.173), MeasuredGenerationThroughput: ptr(32 / 0.173),
	}
	if diff := cmp.Diff(s.Totals, want, near); diff != "" {
		t.Errorf("totals (-got +want):\n%s", diff)
	}
	if s.Verdict != Valid || len(s.Reasons) != 0 || s.Partial {
		t.Errorf("got %s, partial %t, reasons %v; want a valid, whole run", s.Verdict, s.Partial, s.Reasons)
	}
	if got, want := *s.ITL, s.ICL; !cmp.Equal(got, want) {
		t.Errorf("itl_ms: got %v, want icl_ms %v, as every chunk carried one token", got, want)
	}
	phases := RunTimes{
		Full:          &PassTimes{Start: ptr(20.0), Warmup: ptr(1.0), Pass: ptr(4.0), Stop: ptr(5.0)},
		Summarization: &PassTimes{Start: ptr(20.0), Warmup: ptr(1.0), Pass: ptr(4.0), Stop: ptr(5.0)},
		Total:         ptr(60.5), Own: ptr(0.5),
	}
	if diff := cmp.Diff(s.Phases, phases); diff != "" {
		t.Errorf("phases (-got +want):\n%s", diff)
	}
}

// The three latencies of summary.json subtract exactly, for a reader that parses them as floating point.
func TestGenerationLatencyIsTheDifferenceAsPrinted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		run := sampleRun()
		*run.Full[3].DoneNS = 400e6 + rng.Int64N(3e9)
		*run.Summarization[3].DoneNS = 90e6 + rng.Int64N(3e8)
		var got struct {
			E float64 `json:"end_to_end_latency_s"`
			S float64 `json:"summarization_latency_s"`
			G float64 `json:"generation_latency_s"`
		}
		if err := json.Unmarshal(JSON(Summarize(run)), &got); err != nil {
			t.Fatal(err)
		}
		if got.E-got.S != got.G || got.G <= 0 {
			t.Fatalf("%v − %v = %v, but generation_latency_s is %v", got.E, got.S, got.E-got.S, got.G)
		}
	}
}

func TestSummarizeDoesNotDependOnTheOrderOfRecords(t *testing.T) {
	run := sampleRun()
	fail(&run.Full[1], "cut_stream", "the first")
	fail(&run.Full[2], "cut_stream", "the second")
	want := JSON(Summarize(run))
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		rng.Shuffle(4, func(i, j int) { run.Full[i], run.Full[j] = run.Full[j], run.Full[i] })
		before := slices.Clone(run.Full)
		if diff := cmp.Diff(string(JSON(Summarize(run))), string(want)); diff != "" {
			t.Fatalf("shuffled (-got +want):\n%s", diff)
		}
		if diff := cmp.Diff(run.Full, before); diff != "" {
			t.Fatalf("Summarize changed its input:\n%s", diff)
		}
	}
}

func TestAbsentIsNeverZero(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Run)
		want   Totals
	}{
		{"nothing ran", func(r *Run) { r.Full, r.Summarization, r.Manifest.Passes = nil, nil, nil }, Totals{}},
		{"no summarization pass", func(r *Run) { r.Summarization, r.Manifest.Passes = nil, r.Manifest.Passes[:1] }, Totals{
			TotalInputTokens: ptr(46), TotalGeneratedTokens: ptr(32), EndToEndLatency: ptr(0.224),
			EndToEndThroughput: ptr(32 / 0.224), RequestThroughput: ptr(4 / 0.224),
			MeasuredGenerationLatency: ptr(0.173), MeasuredGenerationThroughput: ptr(32 / 0.173),
		}},
		{"every request of the full pass failed", func(r *Run) {
			for i := range r.Full {
				fail(&r.Full[i], "cut_stream", "")
			}
		}, Totals{SummarizationLatency: ptr(0.084)}},
		{"generation latency not positive", func(r *Run) { *r.Summarization[0].DoneNS = 1001e6 }, Totals{
			TotalInputTokens: ptr(46), TotalGeneratedTokens: ptr(32), EndToEndLatency: ptr(0.224),
			SummarizationLatency: ptr(1.0), SummarizationThroughput: ptr(46.0), EndToEndThroughput: ptr(32 / 0.224),
			RequestThroughput:         ptr(4 / 0.224),
			MeasuredGenerationLatency: ptr(0.173), MeasuredGenerationThroughput: ptr(32 / 0.173),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := sampleRun()
			tc.change(&run)
			if diff := cmp.Diff(Summarize(run).Totals, tc.want, near); diff != "" {
				t.Errorf("totals (-got +want):\n%s", diff)
			}
		})
	}
}

func TestTheSpanCountsFromTheFirstSentToTheLastComplete(t *testing.T) {
	run := sampleRun()
	fail(&run.Full[0], "cut_stream", "")       // the first one sent, at 1 ms
	*run.Full[0].DoneNS = int64(2 * time.Hour) // and given up long after the others were complete
	s := Summarize(run)
	if got, want := *s.EndToEndLatency, 0.224; got != want {
		t.Errorf("end_to_end_latency_s: got %v, want %v", got, want)
	}
	if got, want := *s.TotalGeneratedTokens, 24; got != want {
		t.Errorf("total_generated_tokens: got %d, want those of the 3 successful requests, %d", got, want)
	}
	want := &RequestCounts{Planned: 4, Successful: 3, Failed: 1, Errors: map[string]int{"cut_stream": 1}}
	if diff := cmp.Diff(s.Requests.Full, want); diff != "" {
		t.Errorf("requests (-got +want):\n%s", diff)
	}
}

func TestPerRequestNumbers(t *testing.T) {
	one := func(change func(*bench.Record)) FullDistributions {
		r := sampleRecord(PassFull, 0, 8)
		change(&r)
		run := sampleRun()
		run.Full = []bench.Record{r}
		return Summarize(run).FullDistributions
	}
	t.Run("one token has no tpot", func(t *testing.T) {
		d := one(func(r *bench.Record) { *r = sampleRecord(PassFull, 0, 1) })
		if d.TPOT.N != 0 || d.ClientTPOT.N != 0 || d.ICL.N != 0 {
			t.Errorf("got tpot n %d, client_tpot n %d, icl n %d; want 0 of each", d.TPOT.N, d.ClientTPOT.N, d.ICL.N)
		}
	})
	t.Run("tpot divides by tokens less one, tpot_sqzb by tokens", func(t *testing.T) {
		d := one(func(*bench.Record) {})
		if got, want := *d.TPOT.Mean, 20.0; got != want {
			t.Errorf("tpot_ms: got %v, want %v", got, want)
		}
		if got, want := *d.TPOTSqzb.Mean, 17.5; got != want {
			t.Errorf("tpot_sqzb_ms: got %v, want %v", got, want)
		}
	})
	t.Run("a chunk of two tokens is no itl", func(t *testing.T) {
		d := one(func(r *bench.Record) { r.Chunks, r.ChunkDeltasUS = 7, r.ChunkDeltasUS[:6] })
		if d.ITL != nil || d.ICL.N != 6 {
			t.Errorf("got itl %v, icl n %d; want none and 6", d.ITL, d.ICL.N)
		}
	})
	t.Run("schedule lag counts from when the request was due", func(t *testing.T) {
		d := one(func(r *bench.Record) { r.ScheduledNS, r.DueNS = -5e9, 250e3 })
		if got, want := *d.ScheduleLag.Max, 0.75; got != want {
			t.Errorf("schedule_lag_ms: got %v, want %v", got, want)
		}
	})
	t.Run("e2el ends with the last token, not with the response", func(t *testing.T) {
		d := one(func(r *bench.Record) { *r.DoneNS += 9e9 })
		if got, want := *d.E2EL.Max, 190.0; got != want {
			t.Errorf("e2el_ms: got %v, want %v", got, want)
		}
	})
}

func TestArrivalBound(t *testing.T) {
	for _, tc := range []struct {
		lastArrival float64
		want        bool
	}{{0, false}, {0.042, false}, {0.0421, true}} { // half of 0.084 s is 0.042 s
		run := sampleRun()
		run.Manifest.Load.LastArrivalSeconds = tc.lastArrival
		s := Summarize(run)
		noted := slices.ContainsFunc(s.Notes, func(n Note) bool { return n.Rule == "arrival_bound" })
		if s.ArrivalBound != tc.want || noted != tc.want {
			t.Errorf("last arrival %v s: got %t, noted %t; want %t", tc.lastArrival, s.ArrivalBound, noted, tc.want)
		}
		if s.Verdict != Valid {
			t.Errorf("last arrival %v s: got verdict %s, want valid", tc.lastArrival, s.Verdict)
		}
	}
}

// A million deltas: 1,024 requests of 1,024 tokens.
func largeRun() Run {
	run := Run{Manifest: sampleRun().Manifest}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, pass := range []struct {
		name    string
		tokens  int
		records *[]bench.Record
	}{{PassFull, 1024, &run.Full}, {PassSummarization, 1, &run.Summarization}} {
		for i := range 1024 {
			r := sampleRecord(pass.name, i, pass.tokens)
			for j := range r.ChunkDeltasUS {
				r.ChunkDeltasUS[j] = 15_000 + rng.Int64N(10_000)
			}
			*pass.records = append(*pass.records, r)
		}
	}
	run.Manifest.Passes[0].Requests, run.Manifest.Passes[1].Requests = 1024, 1024
	return run
}

func BenchmarkSummarizeMillionTokens(b *testing.B) {
	run := largeRun()
	for b.Loop() {
		if s := Summarize(run); s.ICL.N != 1024*1023 {
			b.Fatalf("got %d gaps", s.ICL.N)
		}
	}
}
