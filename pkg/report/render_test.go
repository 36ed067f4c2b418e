package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s (-got +want):\n%s", path, diff)
	}
}

func readFixture(t *testing.T, name string) Run {
	t.Helper()
	return readRun(t, filepath.Join("testdata", name))
}

// readRun reads a run directory and, for the run that is called timed, adds what its metrics files would tell.
func readRun(t *testing.T, dir string) Run {
	t.Helper()
	run, err := ReadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if run.Manifest.Name != "timed" {
		return run
	}
	for pass, n := range map[string]struct {
		generated              int
		queue, prefill, decode float64
	}{
		PassFull: {40, 0.1490205, 0.2960175, 0.6636376}, PassSummarization: {7, 0.1015276, 0.2861125, 0},
	} {
		run.Counters[pass] = Counters{
			PromptTokens: ptr(247), GenerationTokens: &n.generated, Finished: map[string]int{"length": 6, "stop": 1, "abort": 0},
			PrefixQueries: ptr(247), PrefixHits: ptr(16), Preemptions: ptr(0), Iterations: ptr(n.generated/3 + 1),
			Queue: &TimeSum{n.queue, 7}, Prefill: &TimeSum{n.prefill, 7}, Decode: &TimeSum{n.decode, 7},
			TimePerOutputToken: &TimeSum{0.140821, 7}, Running: &Samples{2.75, 4}, Waiting: &Samples{1.5, 3},
			Cache: CacheConfig{BlockSize: 16, Blocks: 2048, PrefixCaching: ptr(true)},
		}
	}
	return run
}

// notStarted is the summary of a run that failed before anything was started.
func notStarted() Summary {
	m := sampleRun().Manifest
	m.Name, m.Passes, m.TotalSeconds, m.Dataset, m.Load = "nothing", nil, 0.01, DatasetInfo{}, LoadInfo{}
	m.Failure = &Failure{Step: "dataset", Message: "opening /data/p.pkl: no such file", Hint: "check dataset.path", ExitCode: 4}
	return Summarize(Run{Manifest: m})
}

func TestRenderings(t *testing.T) {
	bound := sampleRun()
	bound.Manifest.Name, bound.Manifest.Load.LastArrivalSeconds, bound.Manifest.Load.RequestRate = "bound", 0.07, "ramp"
	bound.Manifest.Load.Ramp, bound.Manifest.Load.Burstiness, bound.Manifest.Load.DurationSeconds = &RampInfo{20, 60.5, 0.1}, "0.5", 0.08
	means := readFixture(t, "timed")
	means.Manifest.Timings.Wanted = string(SourceHistogram)
	for name, s := range map[string]Summary{
		"timed": Summarize(readFixture(t, "timed")), "histogram": Summarize(means),
		"run": Summarize(readFixture(t, "run")), "interrupted": Summarize(readFixture(t, "interrupted")),
		"not-started": notStarted(), "arrival-bound": Summarize(bound),
	} {
		for _, format := range Formats() {
			out, err := Render(s, format)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "golden", name+"."+format), out)
		}
	}
}

func TestRenderRefusesUnknownFormats(t *testing.T) {
	_, err := Render(Summary{}, "html")
	if want := `unknown format "html"; allowed: text, json, csv, markdown`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	md, err := Render(notStarted(), "md")
	if err != nil || !bytes.Equal(md, Markdown(notStarted())) {
		t.Errorf("md is not markdown (error %v)", err)
	}
}

// The stored directories hold what WriteReports wrote once: a report made again has the same bytes, today and later.
func TestReportsFromDiskAreThoseTheRunWrote(t *testing.T) {
	for _, name := range []string{"run", "timed", "interrupted"} {
		dir := filepath.Join("testdata", name)
		s := Summarize(readFixture(t, name))
		if *update {
			if err := WriteReports(dir, s); err != nil {
				t.Fatal(err)
			}
		}
		golden(t, filepath.Join(dir, SummaryJSONFile), JSON(s))
		golden(t, filepath.Join(dir, SummaryTextFile), Text(s))
	}
}

func TestReportsDoNotDependOnTheDirectory(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "moved")
	if err := os.CopyFS(elsewhere, os.DirFS("testdata/timed")); err != nil {
		t.Fatal(err)
	}
	s := Summarize(readRun(t, elsewhere))
	if err := WriteReports(elsewhere, s); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{SummaryJSONFile, SummaryTextFile} {
		got, err := os.ReadFile(filepath.Join(elsewhere, file))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata/timed", file), got)
	}
}

// What a reader subtracts from the text is what the text says, for any latencies.
func TestShownLatenciesSubtract(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	number := regexp.MustCompile(`(?m)^(end-to-end|summarization|generation) latency +([0-9]+)\.([0-9]{3})  s(?:$| )`)
	rounded := 0
	for range 500 {
		run := sampleRun()
		*run.Full[3].DoneNS = 500e6 + rng.Int64N(9e9)
		*run.Summarization[3].DoneNS = 90e6 + rng.Int64N(4e8)
		s := Summarize(run)
		shown := map[string]int{}
		for _, m := range number.FindAllStringSubmatch(string(Text(s)), -1) {
			var whole, part int
			if _, err := fmt.Sscan(m[2], &whole); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(strings.TrimLeft(m[3], "0")+" ", &part); err != nil && strings.Trim(m[3], "0") != "" {
				t.Fatal(err)
			}
			shown[m[1]] = whole*1000 + part
		}
		if len(shown) != 3 {
			t.Fatalf("got %v of the three latencies in:\n%s", shown, Text(s))
		}
		if got, want := shown["end-to-end"]-shown["summarization"], shown["generation"]; got != want {
			t.Fatalf("shown %v: the difference is %d, generation latency %d", shown, got, want)
		}
		if fixedCell(s.GenerationLatency, 3) != thousandthsCell(int64(shown["generation"])) {
			rounded++
		}
	}
	if rounded == 0 {
		t.Error("no sample in which rounding by itself would have been off: this test proves nothing")
	}
}

func TestTextFitsTheTerminal(t *testing.T) {
	run := largeRun()
	for i := range run.Full {
		*run.Full[i].LastTokenNS += int64(i) * 1e9
		*run.Full[i].DoneNS += int64(i) * 1e9
	}
	slow := provenRun()
	for i := range slow.Full {
		*slow.Full[i].Server.PrefillMS, *slow.Full[i].DoneNS = 98_765_432.1, 99_999e9
		*slow.Full[i].LastTokenNS = 99_998e9
	}
	slow.Manifest.Load.LastArrivalSeconds = 1e4
	for _, s := range []Summary{Summarize(run), Summarize(slow), Summarize(readFixture(t, "timed")),
		Summarize(readFixture(t, "interrupted")), notStarted()} {
		for line := range strings.Lines(string(Text(s))) {
			if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > textWidth || strings.HasSuffix(line, " ") {
				t.Errorf("%d wide, or with a space at its end: %q", utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestTextHasNoControlCharacters(t *testing.T) {
	for _, format := range []string{"text", "markdown"} {
		out, err := Render(Summarize(readFixture(t, "interrupted")), format)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(out, func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
			t.Errorf("%s: control character %q at %d", format, out[i], i)
		}
	}
}

// The cells of the CSV are the values of summary.json under their joined keys.
func TestCSVAgreesWithJSON(t *testing.T) {
	for _, s := range []Summary{Summarize(readFixture(t, "run")), Summarize(readFixture(t, "timed")),
		Summarize(readFixture(t, "interrupted")), notStarted()} {
		rows, err := csv.NewReader(bytes.NewReader(CSV(s))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("got %d rows, error %v; want 2", len(rows), err)
		}
		cells := map[string]string{}
		for i, name := range rows[0] {
			if _, twice := cells[name]; twice {
				t.Errorf("column %s is there twice", name)
			}
			cells[name] = rows[1][i]
		}
		dec := json.NewDecoder(bytes.NewReader(JSON(s)))
		dec.UseNumber()
		var tree map[string]any
		if err := dec.Decode(&tree); err != nil {
			t.Fatal(err)
		}
		walk("", tree, func(key string, value any) {
			name := strings.ReplaceAll(key, ".", "_")
			got, ok := cells[name]
			switch v := value.(type) {
			case nil:
				if ok && got != "" {
					t.Errorf("%s: got %q, want an empty cell", name, got)
				}
			case json.Number, string, bool:
				if want := fmt.Sprint(v); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}

// walk visits the leaves of a JSON object; lists and the counts by class or reason are leaves.
func walk(prefix string, tree map[string]any, visit func(key string, value any)) {
	for key, value := range tree {
		if sub, ok := value.(map[string]any); ok && key != "errors" && key != "finished" {
			walk(prefix+key+".", sub, visit)
			continue
		}
		visit(prefix+key, value)
	}
}

func TestCSVOfManyRunsHasOneHeader(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(CSV(Summarize(sampleRun()), notStarted()))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("got %d rows, error %v; want a header and 2", len(rows), err)
	}
	name := slices.Index(rows[0], "name")
	if rows[1][name] != "sample" || rows[2][name] != "nothing" {
		t.Errorf("got names %s, %s", rows[1][name], rows[2][name])
	}
}

func TestWrapKeepsEveryWord(t *testing.T) {
	text := "  a log line kept as it is\nthen " + strings.Repeat("word ", 60) + strings.Repeat("x", 150) + " end"
	lines := wrap(text, 40)
	if lines[0] != "  a log line kept as it is" {
		t.Errorf("got %q first", lines[0])
	}
	if got, want := strings.Fields(strings.Join(lines, " ")), strings.Fields(text); !slices.Equal(got, want) {
		t.Errorf("words changed: got %d, want %d", len(got), len(want))
	}
	for _, line := range lines {
		if len(line) > 40 && strings.Contains(line, " ") {
			t.Errorf("too long: %q", line)
		}
	}
}

func TestComparison(t *testing.T) {
	run, interrupted, timed := Summarize(readFixture(t, "run")), Summarize(readFixture(t, "interrupted")),
		Summarize(readFixture(t, "timed"))
	bound := sampleRun()
	bound.Manifest.Load.LastArrivalSeconds = 1
	arrival, none := Summarize(bound), notStarted()
	entries := []Entry{
		{Name: "llama3-8b-1k", Summary: &run},
		{Name: "rate-40", Summary: &arrival},
		{Name: "cut", Summary: &interrupted},
		{Name: "broken-recipe", Failure: "broken.yaml:3:5: server.modle: unknown key | did you mean model?"},
		{Name: "no-data", Summary: &none, Failure: "opening /data/p.pkl: no such file"},
		{Name: "nothing-known"},
	}
	mixed := append(slices.Clone(entries), Entry{Name: "timed", Summary: &timed})
	golden(t, "testdata/golden/comparison-mixed.text", Comparison(mixed))
	golden(t, "testdata/golden/comparison-mixed.markdown", ComparisonMarkdown(mixed))
	if got, want := string(Comparison(mixed[len(entries):])), "TTFT and TPOT are medians by the server's responses, without queueing."; !strings.Contains(
		strings.ReplaceAll(got, "\n", " "), want) {
		t.Errorf("got %s, want %q in it", got, want)
	}
	golden(t, "testdata/golden/comparison.text", Comparison(entries))
	golden(t, "testdata/golden/comparison.markdown", ComparisonMarkdown(entries))
	for line := range strings.Lines(string(Comparison(mixed))) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > textWidth {
			t.Errorf("%d wide: %q", n, line)
		}
	}
}
