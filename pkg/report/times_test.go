package report

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/squeezebits/sqzb-orchestrate/pkg/bench"
)

// The wanted numbers were computed from the same files by numpy 2.4.6, not by this program.
func TestServerTimesAsNumpy(t *testing.T) {
	s := Summarize(readFixture(t, "timed"))
	if s.TTFTSource != SourceResponse {
		t.Fatalf("got source %s, want response", s.TTFTSource)
	}
	for _, tc := range []struct {
		name      string
		got, want Distribution
	}{
		{"queue_ms", s.Queue, numbers(7, 21.288642857142857, 19.765358978766965, 0.031, 12.125, 42.125, 42.59375, 42.96875, 43.0625)},
		{"ttft_ms", s.TTFT, numbers(7, 42.28821428571429, 19.715202293866913, 21.5, 50.75, 63.952, 63.991, 64.0222, 64.03)},
		{"decode_ms", s.Decode, numbers(7, 94.80537142857143, 15.044053557769844, 60.7045, 100.2803, 101.05865999999999,
			101.09988, 101.13285599999999, 101.1411)},
		{"tpot_ms", s.TPOT, numbers(7, 20.117350476190477, 0.10528834298370306, 19.968600000000002, 20.10122, 20.230865333333334,
			20.232849333333334, 20.234436533333334, 20.234833333333334)},
		{"tpot_sqzb_ms", s.TPOTSqzb, numbers(7, 16.523567857142858, 0.5990562605439967, 15.176125, 16.713383333333333, 16.84311,
			16.84998, 16.855476, 16.856849999999998)},
		{"summarization.queue_ms", s.Summarization.Queue, numbers(7, 14.503942857142858, 15.215312618308477, 0.02, 19.75,
			28.700000000000006, 34.38124999999999, 38.92624999999999, 40.0625)},
		{"summarization.ttft_ms", s.Summarization.TTFT, numbers(7, 40.87321428571429, 14.761899205548112, 15.125, 38.5, 55.74,
			56.97, 57.954, 58.2)},
	} {
		if diff := cmp.Diff(tc.got, tc.want, near); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tc.name, diff)
		}
	}
	if diff := cmp.Diff(*s.MeasuredGenerationLatency, 0.40301219999999993, near); diff != "" {
		t.Errorf("measured_generation_latency_s (-got +want):\n%s", diff)
	}
	// The client's own view is that of the same requests without the server's times.
	untimed := Summarize(readFixture(t, "run"))
	if diff := cmp.Diff([]Distribution{s.ClientTTFT, s.ClientTPOT, s.Summarization.ClientTTFT},
		[]Distribution{untimed.TTFT, untimed.TPOT, untimed.Summarization.TTFT}); diff != "" {
		t.Errorf("the client's view (-timed +untimed):\n%s", diff)
	}
}

func TestClientTimes(t *testing.T) {
	s := Summarize(sampleRun())
	if s.Queue.N != 0 || s.Summarization.Queue.N != 0 {
		t.Errorf("got queue n %d and %d, but the client cannot tell", s.Queue.N, s.Summarization.Queue.N)
	}
	if got := []float64{*s.TTFT.Mean, *s.Decode.Mean, *s.Summarization.TTFT.Mean}; !cmp.Equal(got, []float64{65, 140, 65}) {
		t.Errorf("ttft, decode, summarization ttft: got %v, want 65, 140, 65", got)
	}
}

// meanOnly is a distribution from a sum and a count.
func meanOnly(n int, mean float64) Distribution { return numbers(n, mean) }

func TestHistogramTimes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		lengths []int // of the outputs
		c       *Counters
		want    times
	}{
		{"one length", []int{8, 8, 8}, &Counters{Queue: &TimeSum{0.9, 3}, Prefill: &TimeSum{0.3, 3}, Decode: &TimeSum{0.84, 3}},
			times{ttft: meanOnly(3, 100), queue: meanOnly(3, 300), decode: meanOnly(3, 280), tpot: meanOnly(3, 40), tpotSqzb: meanOnly(3, 35)}},
		{"a mean of ratios is not a ratio of means", []int{8, 2}, &Counters{Prefill: &TimeSum{0.3, 2}, Decode: &TimeSum{0.84, 2}},
			times{ttft: meanOnly(2, 150), decode: meanOnly(2, 420)}},
		{"a histogram of ratios; one token has none", []int{8, 2, 1}, &Counters{Prefill: &TimeSum{0.3, 3}, Decode: &TimeSum{0.84, 3},
			TimePerOutputToken: &TimeSum{0.09, 3}},
			times{ttft: meanOnly(3, 100), decode: meanOnly(3, 280), tpot: meanOnly(2, 45)}},
		{"one token each", []int{1, 1}, &Counters{Prefill: &TimeSum{0.3, 2}, Decode: &TimeSum{0, 2}, TimePerOutputToken: &TimeSum{0, 2}},
			times{ttft: meanOnly(2, 150), decode: meanOnly(2, 0), tpotSqzb: meanOnly(2, 0)}},
		{"histograms that counted others", []int{8, 8}, &Counters{Queue: &TimeSum{1, 1}, Prefill: &TimeSum{0.3, 2}, Decode: &TimeSum{1, 3}},
			times{ttft: meanOnly(2, 150)}},
		{"what is no time", []int{8}, &Counters{Queue: &TimeSum{math.NaN(), 1}, Prefill: &TimeSum{-1, 1}, Decode: &TimeSum{math.Inf(1), 1}}, times{}},
		{"nothing", []int{8}, nil, times{}},
		{"no requests", nil, &Counters{Prefill: &TimeSum{0, 0}, Decode: &TimeSum{0, 0}}, times{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var records []*bench.Record
			for row, n := range tc.lengths {
				r := sampleRecord(PassFull, row, n)
				records = append(records, &r)
			}
			if diff := cmp.Diff(histogramTimes(tc.c, records), tc.want, cmp.AllowUnexported(times{}), near); diff != "" {
				t.Errorf("times (-got +want):\n%s", diff)
			}
		})
	}
}

func TestDecodeSeconds(t *testing.T) {
	for _, tc := range []struct {
		name string
		sent []int64 // ms
		list []timing
		want *float64
	}{
		{"none", nil, nil, nil},
		{"only first tokens", []int64{0, 5}, []timing{{1, 2, 0}, {1, 2, 0}}, nil},
		{"one", []int64{100}, []timing{{10, 20, 250}}, ptr(0.25)},
		{"apart, in any order", []int64{1000, 0}, []timing{{0, 10, 30}, {0, 10, 50}}, ptr(0.08)},
		{"touching", []int64{0, 0}, []timing{{0, 10, 30}, {30, 10, 50}}, ptr(0.08)},
		{"overlapping by queue and prefill", []int64{0, 0}, []timing{{0, 10, 100}, {20, 30, 100}}, ptr(0.14)},
		{"one in the other, and one after", []int64{0, 0, 500}, []timing{{0, 10, 100}, {20, 30, 10}, {0, 0, 7}}, ptr(0.107)},
		{"the same twice", []int64{0, 0}, []timing{{0, 10, 100}, {0, 10, 100}}, ptr(0.1)},
		{"before the start of the schedule", []int64{-100, 0}, []timing{{0, 10, 30}, {0, 10, 30}}, ptr(0.06)},
	} {
		var records []*bench.Record
		for _, ms := range tc.sent {
			records = append(records, &bench.Record{SentNS: ptr(ms * 1e6)})
		}
		if diff := cmp.Diff(decodeSeconds(records, tc.list), tc.want, near); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tc.name, diff)
		}
	}
}

// What a single source cannot give is absent, whatever the others have.
func TestHistogramRunHasNoSpansOfRequests(t *testing.T) {
	run := provenRun()
	run.Manifest.Timings.Wanted = string(SourceHistogram)
	s := Summarize(run)
	if diff := cmp.Diff(s.TTFT, meanOnly(4, 32.5), near); diff != "" {
		t.Errorf("ttft_ms (-got +want):\n%s", diff)
	}
	if s.MeasuredGenerationLatency != nil || s.MeasuredGenerationThroughput != nil {
		t.Errorf("got a measured generation latency of %v from means", *s.MeasuredGenerationLatency)
	}
	if s.ClientTTFT.P99 == nil || s.MeanRunningBatch == nil || *s.MeanRunningBatch != 3.2 {
		t.Errorf("got client p99 %v, mean running batch %v; want the first, and 3.2", s.ClientTTFT.P99, s.MeanRunningBatch)
	}
}
