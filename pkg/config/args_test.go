package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgs(t *testing.T) {
	for name, tt := range map[string]struct {
		yaml string
		want []Arg
	}{
		"order and spelling kept": {"z-a: 1\na_z: 2\nM: 3", []Arg{
			{Name: "z-a", Values: []string{"1"}}, {Name: "a_z", Values: []string{"2"}}, {Name: "M", Values: []string{"3"}}}},
		"numbers as written": {"a: 0.90\nb: 1e-3\nc: 010\nd: 1_000\ne: -1\nf: 0x1F\ng: 1e999", []Arg{
			{Name: "a", Values: []string{"0.90"}}, {Name: "b", Values: []string{"1e-3"}}, {Name: "c", Values: []string{"010"}},
			{Name: "d", Values: []string{"1_000"}}, {Name: "e", Values: []string{"-1"}}, {Name: "f", Values: []string{"0x1F"}},
			{Name: "g", Values: []string{"1e999"}}}},
		"truth values": {"a: true\nb: false\nc: \"true\"\nd: FALSE", []Arg{
			{Name: "a"}, {Name: "b", Off: true}, {Name: "c", Values: []string{"true"}}, {Name: "d", Off: true}}},
		"text": {"a: \"\"\nb: 2026-01-02\nc: |\n  two\n  lines\nd: 'no'\ne: ${HOME}/~", []Arg{
			{Name: "a", Values: []string{""}}, {Name: "b", Values: []string{"2026-01-02"}}, {Name: "c", Values: []string{"two\nlines\n"}},
			{Name: "d", Values: []string{"no"}}, {Name: "e", Values: []string{"${HOME}/~"}}}},
		"list": {"a: [x, 0.50, true, \"no\"]", []Arg{{Name: "a", Values: []string{"x", "0.50", "true", "no"}}}},
		"map": {"a: {z: 1, b: [0.10, {y: ~}], c: <x>, 3: true}", []Arg{
			{Name: "a", Values: []string{`{"z":1,"b":[0.10,{"y":null}],"c":"<x>","3":true}`}}}},
		"numbers inside a map": {"a: {b: 0.90, c: 1e-3, d: 12345678901234567890123, e: 1e999, f: '1', g: -0}", []Arg{
			{Name: "a", Values: []string{`{"b":0.90,"c":1e-3,"d":12345678901234567890123,"e":1e999,"f":"1","g":-0}`}}}},
		"list of maps": {"a:\n- {b: 0.10}\n- {c: [1, 2]}\n- [x]", []Arg{
			{Name: "a", Values: []string{`{"b":0.10}`, `{"c":[1,2]}`, `["x"]`}}}},
		"json escapes": {`a: {"q\"\n": "\\\u00e9"}`, []Arg{{Name: "a", Values: []string{`{"q\"\n":"\\é"}`}}}},
		"dotted":       {"a.b: 1\na.B_c: 2\na.b-c: 3\na.b_c: 4", []Arg{{Name: "a.b", Values: []string{"1"}}, {Name: "a.B_c", Values: []string{"2"}}, {Name: "a.b-c", Values: []string{"3"}}, {Name: "a.b_c", Values: []string{"4"}}}},
		"aliases":      {"a: &x {b: 1}\nc: [*x, *x]", []Arg{{Name: "a", Values: []string{`{"b":1}`}}, {Name: "c", Values: []string{`{"b":1}`, `{"b":1}`}}}},
		"empty map":    {"a: {}", []Arg{{Name: "a", Values: []string{"{}"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			source := "dataset: {path: /d}\nserver:\n  model: /m\n  args:\n    " + strings.ReplaceAll(tt.yaml, "\n", "\n    ") + "\n"
			got := mustLoad(t, source).Server.Args
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("args (-want +got):\n%s", diff)
			}
		})
	}
}
