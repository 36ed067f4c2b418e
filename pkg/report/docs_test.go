package report

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const metricsDoc = "../../docs/metrics.md"

// documented are the names in the first column of the tables of docs/metrics.md.
func documented(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		if slices.Contains(names, m[1]) {
			t.Errorf("%s is documented twice", m[1])
		}
		names = append(names, m[1])
	}
	return names
}

// keysOf lists the keys of summary.json by the types that make it. Distributions count as one key, and so do their parts.
func keysOf(prefix string, typ reflect.Type, add func(string)) {
	for field := range typ.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case inner == reflect.TypeFor[Distribution]():
			add(prefix + key)
			keysOf("", inner, add)
		case inner == reflect.TypeFor[[]GPUFigures]():
			keysOf(prefix+"<pass>.", inner.Elem(), add)
		case inner.Kind() != reflect.Struct || inner == reflect.TypeFor[time.Time]():
			add(prefix + key)
		case key == "":
			keysOf(prefix, inner, add)
		case inner == reflect.TypeFor[RequestCounts]() || inner == reflect.TypeFor[PassTimes]() ||
			inner == reflect.TypeFor[PassProof]() || inner == reflect.TypeFor[PassClient]():
			keysOf(prefix+"<pass>.", inner, add)
		default:
			keysOf(prefix+key+".", inner, add)
		}
	}
}

func TestDocsNameEveryKeyAndNoOther(t *testing.T) {
	want := map[string]bool{}
	keysOf("", reflect.TypeFor[Summary](), func(key string) { want[key] = true })
	if len(want) < 60 {
		t.Fatalf("got only %d keys of a Summary: %v", len(want), want)
	}
	names := documented(t)
	for _, name := range names {
		if !want[name] {
			t.Errorf("docs/metrics.md documents %s, which summary.json does not have", name)
		}
	}
	for key := range want {
		if !slices.Contains(names, key) {
			t.Errorf("summary.json has %s, which docs/metrics.md does not document", key)
		}
	}
}

// The keys by type are those of a summary.json that was really written; how requests arrived is in that of a ramp.
func TestDocumentedKeysAreInSummaryJSON(t *testing.T) {
	data, err := os.ReadFile("testdata/timed/" + SummaryJSONFile)
	if err != nil {
		t.Fatal(err)
	}
	ramp, err := os.ReadFile("testdata/golden/arrival-bound.json")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, ramp...)
	for _, name := range documented(t) {
		parts := strings.Split(name, ".")
		if last := parts[len(parts)-1]; !strings.Contains(string(data), `"`+last+`": `) {
			t.Errorf("%s is not in a whole run's summary.json", name)
		}
	}
}

func TestDocsNameEveryRule(t *testing.T) {
	data, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, file := range source {
		if !strings.HasPrefix(file.Name(), "rule_") {
			continue
		}
		code, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`(?:invalid|suspect)\("([a-z_]+)"|Rule: "([a-z_]+)"`)
		for _, m := range named.FindAllStringSubmatch(string(code), -1) {
			rules[m[1]+m[2]] = true
		}
	}
	inDocs := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z_]+) \| (?:invalid|suspect)`).FindAllStringSubmatch(string(data), -1) {
		inDocs[m[1]] = true
	}
	if len(rules) < 10 || !reflect.DeepEqual(rules, inDocs) {
		t.Errorf("rules in the code: %v\nrules in docs/metrics.md: %v", rules, inDocs)
	}
}
