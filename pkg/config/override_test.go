package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const overridden = `
server:
  model: /m
  args:
    max_num_seqs: 4
    seed: 1
  env: {A: x}
dataset: {path: /d, num_requests: 2}
`

func TestOverrides(t *testing.T) {
	type picked struct {
		Args []Arg
		Env  []EnvVar
		Load Workload
		Path string
	}
	defaults := picked{
		Args: []Arg{{Name: "max_num_seqs", Values: []string{"4"}}, {Name: "seed", Values: []string{"1"}}},
		Env:  []EnvVar{{"A", "x", "x"}},
		Load: Default().Load,
		Path: "/d",
	}
	for name, tt := range map[string]struct {
		set  []string
		want func(p *picked)
	}{
		"none":              {nil, func(*picked) {}},
		"a value":           {[]string{"load.request_rate=8"}, func(p *picked) { p.Load.RequestRate = 8 }},
		"the later wins":    {[]string{"load.seed=x", "load.seed=3", "load.seed=4"}, func(p *picked) { p.Load.Seed = 4 }},
		"a section":         {[]string{"load.concurrency=9", "load={seed: 3}"}, func(p *picked) { p.Load.Seed = 3 }},
		"a list":            {[]string{"load.stop_token_ids=[1, 2]"}, func(p *picked) { p.Load.StopTokenIDs = []int{1, 2} }},
		"a ramp":            {[]string{"load.ramp={from: 2, to: 20, duration: 60s}"}, func(p *picked) { p.Load.Ramp = &Ramp{2, 20, time.Minute} }},
		"a ramp, in parts":  {[]string{"load.ramp.from=0", "load.ramp.to=2", "load.ramp.duration=1s", "load.ramp.to=30"}, func(p *picked) { p.Load.Ramp = &Ramp{0, 30, time.Second} }},
		"no ramp after all": {[]string{"load.ramp.from=0", "load.ramp={}"}, func(*picked) {}},
		"a flag, new":       {[]string{"server.args.a.b=[0.10, x]"}, func(p *picked) { p.Args = append(p.Args, Arg{Name: "a.b", Values: []string{"0.10", "x"}}) }},
		"a flag, in place":  {[]string{"server.args.max-num-seqs=8"}, func(p *picked) { p.Args[0] = Arg{Name: "max-num-seqs", Values: []string{"8"}} }},
		"a flag, off":       {[]string{"server.args.seed=false"}, func(p *picked) { p.Args[1] = Arg{Name: "seed", Off: true} }},
		"all flags":         {[]string{"server.args={x: true}"}, func(p *picked) { p.Args = []Arg{{Name: "x"}} }},
		"no flags":          {[]string{"server.args={}"}, func(p *picked) { p.Args = nil }},
		"a variable":        {[]string{"server.env.B=${SET}=$$"}, func(p *picked) { p.Env = append(p.Env, EnvVar{"B", "/opt/set=$", "${SET}=$$"}) }},
		"a variable, again": {[]string{"server.env.A=1"}, func(p *picked) { p.Env[0] = EnvVar{"A", "1", "1"} }},
		"a relative path":   {[]string{"dataset.path=../x.pkl"}, func(p *picked) { p.Path = "/x.pkl" }},
		"a literal path":    {[]string{"dataset.path=" + Literal("/a b$c: #1")}, func(p *picked) { p.Path = "/a b$c: #1" }},
	} {
		t.Run(name, func(t *testing.T) {
			want := defaults
			want.Args = append([]Arg(nil), defaults.Args...)
			want.Env = append([]EnvVar(nil), defaults.Env...)
			tt.want(&want)
			c := mustLoad(t, overridden, tt.set...)
			got := picked{c.Server.Args, c.Server.Env, c.Load, c.Dataset.Path}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOverrideProblems(t *testing.T) {
	for name, tt := range map[string]struct {
		set  []string
		want string
	}{
		"no =":              {[]string{"load.seed"}, `--set: no path=value, got "load.seed"; allowed such as load.request_rate=8`},
		"no path":           {[]string{"=3"}, `--set: no path=value, got "=3"; allowed such as load.request_rate=8`},
		"misspelt key":      {[]string{"load.sed=3"}, "--set: load.sed: unknown key; did you mean seed?"},
		"misspelt section":  {[]string{"laod.seed=3"}, "--set: laod.seed: unknown key; did you mean load.seed?"},
		"key of elsewhere":  {[]string{"model=/m"}, "--set: model: unknown key; did you mean server.model?"},
		"unknown section":   {[]string{"sweep.matrix={}"}, "--set: sweep.matrix: unknown key; allowed dataset, load, name, output, server, verdict"},
		"too deep":          {[]string{"load.seed.x=1"}, "--set: load.seed.x: unknown key; did you mean seed?"},
		"strange path":      {[]string{"load.\x1b[31m=1"}, `--set: "load.\x1b[31m": unknown key; allowed burstiness, chunk_usage, concurrency, duration, ignore_eos, max_input_len, max_output_len, ramp, receive_stamps, request_rate, seed, stall_timeout, stop_token_ids, warmup_requests`},
		"broken value":      {[]string{"load.seed=[1"}, `--set: load.seed: broken YAML: did not find expected ',' or ']' in what begins here, got "[1"; allowed a value in YAML, text in quotes if need be`},
		"empty value":       {[]string{"load.seed="}, "--set: load.seed: no value; allowed a whole number of 64 bits, or leave the key out"},
		"wrong type":        {[]string{`server.port="8000"`}, `--set: server.port: wrong type, got the text "8000"; allowed auto, or a whole number from 1 to 65535`},
		"unset variable":    {[]string{"dataset.path=${NO_1}/x"}, "--set: dataset.path: the variable is not set, got ${NO_1}; allowed a variable of the environment"},
		"own flag":          {[]string{"server.args.port=1"}, "--set: server.args.port: this program sets the flag itself; allowed in its place server.port"},
		"dashes":            {[]string{"server.args.--seed=1"}, "--set: server.args.--seed: a flag with its dashes; allowed without them, seed"},
		"part of a ramp":    {[]string{"load.ramp.to=30"}, "--set: load.ramp.duration: missing; allowed a duration above 0 such as 90s, 30m or 1h30m\n--set: load.ramp.from: missing; allowed a number above 0, or 0"},
		"unknown in a ramp": {[]string{"load.ramp={from: 1, to: 2, duration: 1s}", "load.ramp.step=30"}, "--set: load.ramp.step: unknown key; allowed duration, from, to"},
		"section no map":    {[]string{"load=3", "load.seed=1"}, "--set: load: wrong type, got 3; allowed a map of burstiness, chunk_usage, concurrency, duration, ignore_eos, max_input_len, max_output_len, ramp, receive_stamps, request_rate, seed, stall_timeout, stop_token_ids, warmup_requests"},
		"duplicates":        {[]string{"load={seed: 1, seed: 2}"}, "--set: load.seed: a duplicate key; allowed once"},
		"takes model away":  {[]string{"server={}"}, "--set: server.model: missing; allowed a folder or a Hugging Face name"},
		"takes data away":   {[]string{`dataset.path=""`}, "recipe.yaml:2:1: load.max_input_len: prompts are random without dataset.path and need a length, got nothing; allowed a whole number from 1 to 2147483647"},
		"two bad ones":      {[]string{"load.seed=x", "load.concurrency=-1"}, "--set: load.concurrency: out of range, got -1; allowed a whole number from 0 to 2147483647\n--set: load.seed: wrong type, got the text \"x\"; allowed a whole number of 64 bits"},
		"two documents":     {[]string{"load.seed=--- 1\n--- 2"}, `--set: load.seed: a second document begins here; allowed one document, got "--- 1\n--- 2"; allowed a value in YAML, text in quotes if need be`},
		"control character": {[]string{"load.seed=\x01"}, `--set: load.seed: a control character, got U+0001; allowed text, got "\x01"; allowed a value in YAML, text in quotes if need be`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load("recipe.yaml", "/r", []byte(overridden), testOptions(tt.set...))
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Problems", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOverrideOfABadValue: an override takes the place of what the file says, right or wrong.
func TestOverrideOfABadValue(t *testing.T) {
	const source = "server: {model: /m, port: x}\ndataset: {path: /d}\n"
	if c := mustLoad(t, source, "server.port=80"); c.Server.Port != 80 {
		t.Errorf("got port %d, want 80", c.Server.Port)
	}
	_, err := load("r.yaml", "/r", []byte("server: 5\n"), testOptions("server.port=80", "load.sed=1"))
	if err == nil || !strings.Contains(err.Error(), "r.yaml:1:9: server: wrong type, got 5") || !strings.Contains(err.Error(), "--set: load.sed") {
		t.Errorf("got %v, want the problem of the file and that of the override", err)
	}
}
