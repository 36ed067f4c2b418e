//go:build e2e

package e2e

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What testdata/queueing.yaml sends.
const (
	burst             = 32
	burstPromptTokens = 6719
	burstOutput       = 384
)

// clockSlack is by how much what the server measured of a request may exceed what the client saw of it, in milliseconds: two
// clocks, and the roundings of both.
const clockSlack = 2.0

// TestTimingsByResponse: vLLM 0.25 or newer tells the times of each request in its response. Nothing runs beside it: with a
// second engine on two cores the API server sends tokens up to a tenth of a second late, and TPOT is another one for its clients.
// The verdict is that of the default thresholds.
func TestTimingsByResponse(t *testing.T) {
	p := newProgram(t)
	r := runQueueing(t, p, "response")
	if diff := cmp.Diff([]string{"--enable-per-request-metrics"}, r.manifest.Timings.Added); diff != "" {
		t.Errorf("added to the server (-want +got):\n%s", diff)
	}
	t.Run("client", func(t *testing.T) { checkClient(t, r) })
	for i := range r.passes {
		pass := &r.passes[i]
		t.Run("times of "+pass.Name, func(t *testing.T) {
			checkTimes(t, pass, func(rec record) *span { return rec.Server })
		})
	}
	t.Run("spoiled figures", func(t *testing.T) { checkSpoiled(t, p, r) })
}

// TestTimingsByTrace: vLLM 0.11 to 0.24 has no times in its responses, and tells them in traces.
func TestTimingsByTrace(t *testing.T) {
	t.Parallel()
	r := runQueueing(t, newProgramOn(t, "SQZB_E2E_TRACE_PYTHON"), "trace", crowded...)
	if added := r.manifest.Timings.Added; len(added) == 0 ||
		!strings.HasPrefix(added[0], "--otlp-traces-endpoint http://127.0.0.1:") ||
		!slices.Contains(added, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf") {
		t.Errorf("added to the server: %q; want an endpoint on the loopback device, and its protocol", added)
	}
	for i := range r.passes {
		p := &r.passes[i]
		t.Run("times of "+p.Name, func(t *testing.T) {
			spans := map[string]*span{}
			lines := readLines[span](t, filepath.Join(p.dir, "timings.jsonl"))
			for i := range lines {
				spans[lines[i].TraceID] = &lines[i]
			}
			if len(lines) != burst || len(spans) != burst {
				t.Errorf("%d spans of %d requests in timings.jsonl, want one for each of the %d sent", len(lines), len(spans), burst)
			}
			checkTimes(t, p, func(rec record) *span { return spans[rec.TraceID] })
		})
	}
}

// crowded leaves the client out of the verdict, for a run beside which others keep every core busy.
var crowded = []string{"--set", "verdict.max_schedule_lag=5s", "--set", "verdict.max_client_cpu_share=2",
	"--set", "verdict.max_lag_icl_share=1e9", "--set", "verdict.max_coalesced_share=1"}

// runQueueing runs testdata/queueing.yaml, whose times must come from source, and checks what does not depend on the source.
func runQueueing(t *testing.T, p *program, source string, more ...string) *runDir {
	t.Helper()
	takeSlot(t)
	out := t.ArtifactDir()
	done := p.run(t, append([]string{"-c", "testdata/queueing.yaml", "--output", out}, more...)...)
	if done.code != 0 {
		t.Fatalf("exit %d, want 0\n%s\n%s", done.code, done.stdout, serverLogs(t, out))
	}
	r := readRun(t, onlyRun(t, filepath.Join(out, "queueing")))
	if got := r.manifest.Timings; got.Wanted != "auto" || got.Source != source || r.summary.TTFTSource != source {
		t.Fatalf("server %s, server.timings %s: source planned %s, in the summary %s; want %s", r.passes[0].Server.Version, got.Wanted,
			got.Source, r.summary.TTFTSource, source)
	}
	if s := r.summary; s.Verdict != "valid" || s.Partial || len(s.Reasons) > 0 {
		t.Errorf("verdict %q, partial %t, reasons %v; want valid", s.Verdict, s.Partial, s.Reasons)
	}
	t.Run("both passes", func(t *testing.T) { checkSameServers(t, r) })
	t.Run("queueing", func(t *testing.T) { checkQueueing(t, r) })
	t.Run("means", func(t *testing.T) { checkMeans(t, r) })
	for i, proof := range []*passProof{r.summary.Proof.Full, r.summary.Proof.Summarization} {
		t.Run("proof of "+r.passes[i].Name, func(t *testing.T) { checkProof(t, &r.passes[i], proof) })
	}
	t.Run("figures", func(t *testing.T) { checkFigures(t, p, r) })
	return r
}

// checkSameServers: what was added is in both launches, and nothing about them differs.
func checkSameServers(t *testing.T, r *runDir) {
	full, summarization := &r.passes[0], &r.passes[1]
	if diff := cmp.Diff(withoutOwn(t, full.Launch), withoutOwn(t, summarization.Launch)); diff != "" {
		t.Errorf("arguments (-full +summarization):\n%s", diff)
	}
	if diff := cmp.Diff(full.Launch.Env, summarization.Launch.Env); diff != "" {
		t.Errorf("environment (-full +summarization):\n%s", diff)
	}
	argv := strings.Join(full.Launch.Argv, " ")
	for _, added := range r.manifest.Timings.Added {
		if !strings.Contains(argv, added) && !slices.Contains(full.Launch.Env, added) {
			t.Errorf("%s was added, as the manifest says, but neither the command line nor the environment has it", added)
		}
	}
	if full.Server != summarization.Server || full.Server.Version == "" {
		t.Errorf("servers %+v and %+v; want the same, with a version", full.Server, summarization.Server)
	}
	if full.PromptsSHA256 != summarization.PromptsSHA256 || full.PromptsSHA256 == "" {
		t.Errorf("hashes of the prompts: %q and %q; want the same", full.PromptsSHA256, summarization.PromptsSHA256)
	}
	a := value(t, "proof.full", r.summary.Proof.Full).KVCacheTokens
	b := value(t, "proof.summarization", r.summary.Proof.Summarization).KVCacheTokens
	if value(t, "kv_cache_tokens", a) != value(t, "kv_cache_tokens", b) || *a == 0 {
		t.Errorf("KV caches of %d and %d tokens; want the same, above 0", *a, *b)
	}
}

// checkQueueing: seven of eight requests wait for others to end, so a TTFT without queueing is far below what the client saw.
func checkQueueing(t *testing.T, r *runDir) {
	ttft := value(t, "ttft_ms.median", r.summary.TTFT.Median)
	seen := value(t, "client_ttft_ms.median", r.summary.ClientTTFT.Median)
	t.Logf("median TTFT without queueing %.3f ms, by the client %.3f ms (1/%.0f); median queueing %.3f ms", ttft, seen, seen/ttft,
		value(t, "queue_ms.median", r.summary.Queue.Median))
	if ttft <= 0 || ttft >= seen/5 {
		t.Errorf("median TTFT without queueing %v ms; want above 0 and less than a fifth of the client's %v ms", ttft, seen)
	}
}

// checkMeans holds the means of the summary against those of the server's own histograms, which all sources share.
func checkMeans(t *testing.T, r *runDir) {
	full, summarization := &r.passes[0], &r.passes[1]
	s := r.summary
	for _, row := range []struct {
		name, histogram string
		pass            *passDir
		got             distribution
	}{
		{"ttft_ms", "prefill", full, s.TTFT},
		{"queue_ms", "queue", full, s.Queue},
		{"decode_ms", "decode", full, s.Decode},
		{"summarization.ttft_ms", "prefill", summarization, s.Summarization.TTFT},
		{"summarization.queue_ms", "queue", summarization, s.Summarization.Queue},
	} {
		metric := "vllm:request_" + row.histogram + "_time_seconds"
		n := row.pass.delta(t, metric+"_count")
		want := row.pass.delta(t, metric+"_sum") / n * 1e3
		got := value(t, row.name+".mean", row.got.Mean)
		t.Logf("mean %s: %.6f ms, by the histogram %.6f ms, %.5f %% apart", row.name, got, want, 100*math.Abs(got-want)/want)
		if n != burst || row.got.N != burst || math.Abs(got-want) > want/100 {
			t.Errorf("mean %s %v of %d, by the histogram %v of %v; want both of %d, and at most 1 %% apart", row.name, got, row.got.N,
				want, n, burst)
		}
	}
}

// checkProof: the server's counters grew by exactly what was sent and received, and nothing came from a cache.
func checkProof(t *testing.T, p *passDir, got *passProof) {
	generated, reasons := 0, map[string]int{}
	for _, rec := range p.records {
		checkTokens(t, p, rec)
		checkOrder(t, rec)
		generated += value(t, "completion_tokens", rec.CompletionTokens)
		reasons[rec.FinishReason]++
	}
	if output := map[string]int{"full": burst * burstOutput, "summarization": burst}[p.Name]; len(p.records) != burst || generated != output {
		t.Errorf("%d records with %d generated tokens, want %d with %d", len(p.records), generated, burst, output)
	}
	requests, sent, none := burst, burstPromptTokens, 0
	want := &passProof{FinishedRequests: &requests, Finished: reasons, PromptTokens: &sent, GenerationTokens: &generated,
		PrefixQueries: &sent, PrefixHits: &none, MaxCachedTokens: &none, Preemptions: &none}
	if got != nil {
		want.KVCacheTokens = got.KVCacheTokens
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("proof (-want +got):\n%s", diff)
	}
	if hits := p.delta(t, "vllm:prefix_cache_hits_total"); hits != 0 {
		t.Errorf("the prefix cache served %v tokens, want 0", hits)
	}
}

// checkTimes: each request has its times, and none took longer in the server than the client waited for its first token.
func checkTimes(t *testing.T, p *passDir, of func(record) *span) {
	late, closest := 0, math.Inf(1)
	for _, rec := range p.records {
		s := of(rec)
		if s == nil {
			t.Errorf("request %s has no times of the server", rec.RequestID)
			continue
		}
		queue, prefill := value(t, "queue_ms", s.Queue), value(t, "prefill_ms", s.Prefill)
		if decode := value(t, "decode_ms", s.Decode); queue < 0 || prefill <= 0 || decode < 0 || (decode > 0) != (rec.MaxTokens > 1) {
			t.Errorf("request %s: queue %v, prefill %v, decode %v ms for %d tokens", rec.RequestID, queue, prefill, decode, rec.MaxTokens)
		}
		slack := float64(*rec.FirstTokenNS-*rec.SentNS)/1e6 + clockSlack - (queue + prefill)
		closest = min(closest, slack)
		if slack < 0 {
			late++
		}
	}
	t.Logf("client's TTFT + %v ms − (queue + prefill) is %.3f ms at least", clockSlack, closest)
	if 100*late > len(p.records) {
		t.Errorf("%d of %d requests queued and prefilled longer than the client waited for their first token; want 1 %% at most", late,
			len(p.records))
	}
}
