package simulator

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cacheCounters are the counters that tell where prompt tokens came from.
func (s *instance) cacheCounters() map[string]float64 {
	return map[string]float64{
		"queries": s.metric("vllm:prefix_cache_queries_total"), "hits": s.metric("vllm:prefix_cache_hits_total"),
		"asked": s.metric("vllm:external_prefix_cache_queries_total"), "external": s.metric("vllm:external_prefix_cache_hits_total"),
		"transferred": s.metric("vllm:prompt_tokens_by_source_total", `"external_kv_transfer"`),
		"computed":    s.metric("vllm:prompt_tokens_by_source_total", `"local_compute"`),
	}
}

// A second launch finds the prompts of the first one, a block of which it computes anew.
func TestPrefixStore(t *testing.T) {
	args := []string{"--sim-cache", t.TempDir() + "/made", "--block-size", "8", "--enable-prompt-tokens-details"}
	want := []map[string]float64{
		{"queries": 24, "hits": 0, "asked": 24, "external": 0, "transferred": 0, "computed": 24},
		{"queries": 24, "hits": 0, "asked": 24, "external": 16, "transferred": 16, "computed": 8},
	}
	for launch := range want {
		s := startInstance(t, args...)
		if status, answer, err := s.post("a", body(24, nil)); status != 200 || err != nil {
			t.Fatal(status, answer, err)
		}
		if diff := cmp.Diff(s.cacheCounters(), want[launch]); diff != "" {
			t.Errorf("launch %d (-got +want):\n%s", launch, diff)
		}
		if launch == 1 {
			// What was fetched is the launch's own from then on.
			_, answer, _ := s.post("b", body(24, nil))
			got := s.cacheCounters()
			if got["hits"] != 16 || got["external"] != 16 || !strings.Contains(answer, `"cached_tokens":16`) {
				t.Errorf("the same prompt again: got %v, %s; want 16 own hits more", got, answer)
			}
		}
		s.stop()
		s.exit()
	}
	s := startInstance(t, append(args, "--block-size", "4")...)
	_, answer, _ := s.post("a", body(24, nil))
	if !strings.Contains(answer, `"cached_tokens":0`) {
		t.Errorf("another block size: got %s; want nothing cached", answer)
	}
}

func TestPrefixStoreSmallerPool(t *testing.T) {
	p := newBlockPool(3)
	for _, hash := range []uint64{1, 2, 3} {
		b := p.allocate(1)
		p.publish(b[0], hash)
		p.release(b)
	}
	s := prefixStore{t.TempDir() + "/file"}
	if err := s.save(p); err != nil {
		t.Fatal(err)
	}
	smaller := newBlockPool(2)
	if err := s.load(smaller); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(smaller.contents(), []uint64{2, 3}); diff != "" {
		t.Errorf("contents (-got +want):\n%s", diff)
	}
	if got := smaller.available(); got != 2 {
		t.Errorf("available: got %d, want 2", got)
	}
	if err := os.WriteFile(s.path, []byte("1\nno hash\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.load(newBlockPool(2)); err == nil || !strings.Contains(err.Error(), "file:2: ") {
		t.Errorf("a broken file: got %v, want an error with its line", err)
	}
}
