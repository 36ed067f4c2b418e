package simulator

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseArgs(t *testing.T) {
	tests := []struct {
		name string
		args string
		want map[string][]string
	}{
		{"nothing", "", map[string][]string{}},
		{"separate value", "--port 8001", map[string][]string{"--port": {"8001"}}},
		{"assigned value", "--port=8001", map[string][]string{"--port": {"8001"}}},
		{"underscores in the name", "--max_num_seqs=4 --served_model_name a_b", map[string][]string{"--max-num-seqs": {"4"}, "--served-model-name": {"a_b"}}},
		{"the last of repeated values counts", "--port 1 --port 2", map[string][]string{"--port": {"2"}}},
		{"a list", "--served-model-name a b --port 1", map[string][]string{"--served-model-name": {"a", "b"}, "--port": {"1"}}},
		{"a repeated list replaces", "--served-model-name a b --served-model-name c", map[string][]string{"--served-model-name": {"c"}}},
		{"bare flags", "--enforce-eager --disable-log-stats", map[string][]string{"--enforce-eager": {"true"}, "--disable-log-stats": {"true"}}},
		{"negated", "--no-enable-prefix-caching", map[string][]string{"--enable-prefix-caching": {"false"}}},
		{"negated and back", "--no-enforce-eager --enforce_eager", map[string][]string{"--enforce-eager": {"true"}}},
		{"abbreviated", "--enforce-e --max-num-se 4", map[string][]string{"--enforce-eager": {"true"}, "--max-num-seqs": {"4"}}},
		{"abbreviated and negated", "--no-enforce", map[string][]string{"--enforce-eager": {"false"}}},
		{"short names", "-tp 2 -q fp8", map[string][]string{"--tensor-parallel-size": {"2"}, "--quantization": {"fp8"}}},
		{"an alias", "--device-memory-utilization 0.5", map[string][]string{"--gpu-memory-utilization": {"0.5"}}},
		{"optimisation level", "-O3", map[string][]string{"--optimization-level": {"3"}}},
		{"JSON", `--compilation-config {"mode":0}`, map[string][]string{"--compilation-config": {`{"mode":0}`}}},
		{"JSON in parts", "--compilation-config.mode 0 --compilation-config.pass_config.x=true", map[string][]string{"--compilation-config": {`{"mode":0,"pass_config":{"x":true}}`}}},
		{"a list in parts", "--compilation-config.custom_ops+ a,b", map[string][]string{"--compilation-config": {`{"custom_ops":["a","b"]}`}}},
		{"negative number as a value", "--kv-offloading-size -1.5", map[string][]string{"--kv-offloading-size": {"-1.5"}}},
		{"None", "--num-gpu-blocks-override None", map[string][]string{"--num-gpu-blocks-override": {"None"}}},
		{"human numbers", "--max-model-len 8k --max-num-batched-tokens 2K", map[string][]string{"--max-model-len": {"8k"}, "--max-num-batched-tokens": {"2K"}}},
		{"a positional model", "some/model --port 1", map[string][]string{"model_tag": {"some/model"}, "--port": {"1"}}},
		{"an empty value is a value", "--load-format=", map[string][]string{"--load-format": {""}}},
		{"no value where none is needed", "--hf-token --port 1", map[string][]string{"--hf-token": nil, "--port": {"1"}}},
		{"our own", "--sim-startup 1m --sim-fault exit --sim_fault=kill", map[string][]string{"--sim-startup": {"1m"}, "--sim-fault": {"exit", "kill"}}},
		{"after --", "-- --port", map[string][]string{"model_tag": {"--port"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseArgs(newFlagTable(), strings.Fields(tt.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.values, tt.want); diff != "" {
				t.Errorf("values (-got +want):\n%s", diff)
			}
		})
	}
}

// The texts are those of vLLM 0.32.0.
func TestParseArgsErrors(t *testing.T) {
	tests := []struct{ args, want string }{
		{"--no-such 3", "unrecognized arguments: --no-such"},
		{"--no-such=3 --x_y", "unrecognized arguments: --no-such=3 --x-y"},
		{"--no-port", "unrecognized arguments: --no-port"},
		{"a b", "unrecognized arguments: b"},
		{"--disable-log-requests", "unrecognized arguments: --disable-log-requests"},
		{"--port", "argument --port: expected one argument"},
		{"--port --x", "argument --port: expected one argument"},
		{"--port -5x", "argument --port: expected one argument"},
		{"--served-model-name", "argument --served-model-name: expected at least one argument"},
		{"--max-num-seqs x", "argument --max-num-seqs: invalid int value: 'x'"},
		{"--max-num-seqs 1.5", "argument --max-num-seqs: invalid int value: '1.5'"},
		{"--max-model-len x", "argument --max-model-len: invalid human_readable_int_or_auto value: 'x'"},
		{"--max-model-len 1.5K", "argument --max-model-len: Decimals are not allowed with binary suffixes like K. Did you mean to use 1.5k instead?"},
		{"--max-num-batched-tokens 1z", "argument --max-num-batched-tokens: invalid human_readable_int value: '1z'"},
		{"--gpu-memory-utilization x", "argument --gpu-memory-utilization/--device-memory-utilization: invalid float value: 'x'"},
		{"--dtype x", "argument --dtype: invalid choice: 'x' (choose from 'auto', 'bfloat16', 'float', 'float16', 'float32', 'half')"},
		{"--max-lora-rank 7", "argument --max-lora-rank: invalid choice: 7 (choose from 1, 8, 16, 32, 64, 128, 256, 320, 512)"},
		{"--num-gpu-blocks-override x", "argument --num-gpu-blocks-override: Value x cannot be converted to <class 'int'>."},
		{"--video-pruning-rate x", "argument --video-pruning-rate: Value x cannot be converted to <class 'float'>."},
		{"--enforce-eager=1", "argument --enforce-eager/--no-enforce-eager: ignored explicit argument '1'"},
		{"--max-num-s x", "ambiguous option: --max-num-s could match --max-num-scheduled-tokens, --max-num-seqs"},
		{"--allowed-origins {x", "argument --allowed-origins: invalid loads value: '{x'"},
		{"--no-such.key 1", `unrecognized arguments: --no-such {"key":1}`},
		{"--compilation-config.mode", "argument --compilation-config.mode: expected one argument"},
		{"--sim-startup soon", "argument --sim-startup: invalid duration value: 'soon'"},
		{"--sim-step -1ms", "argument --sim-step: expected one argument"},
		{"--sim-step=-1ms", "argument --sim-step: invalid duration value: '-1ms'"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			_, err := parseArgs(newFlagTable(), strings.Fields(tt.args))
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			if diff := cmp.Diff(usage.text, tt.want); diff != "" {
				t.Errorf("text (-got +want):\n%s", diff)
			}
		})
	}
}

// Every flag of vLLM is known: none of them may end with a usage error about its name.
func TestFlagTableCoversUsage(t *testing.T) {
	table := newFlagTable()
	if got := len(table.specs); got < 318 {
		t.Errorf("got %d flags, want at least the 318 of vLLM 0.32.0", got)
	}
	for field := range strings.FieldsSeq(strings.NewReplacer("[", " ", "]", " ", "|", " ").Replace(vllmUsage + simUsage)) {
		if strings.HasPrefix(field, "-") && table.byName[field] == nil {
			t.Errorf("%s of the usage is not in the table", field)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	f.Add("--port\x001")
	f.Add("--compilation-config.a.b+\x001,2\x00--x=")
	f.Add("--compilation-config.a\x001\x00--compilation-config.a.b\x002")
	f.Add("-O\x00-\x00--\x00--.\x00--=")
	f.Add("--max-model-len\x009999999999999999T")
	table := newFlagTable()
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		got, err := parseArgs(table, args)
		if err != nil {
			var usage *usageError
			if !errors.As(err, &usage) || usage.text == "" {
				t.Fatalf("%q: got %v, want a usage error with a text", args, err)
			}
			return
		}
		for _, key := range got.given {
			if _, known := table.byName[key]; !known || len(slices.DeleteFunc(slices.Clone(got.given), func(k string) bool { return k != key })) != 1 {
				t.Fatalf("%q: key %q is unknown or twice in %q", args, key, got.given)
			}
		}
	})
}

func TestHumanInt(t *testing.T) {
	tests := []struct {
		text string
		want int
		ok   bool
	}{
		{"8192", 8192, true}, {"8k", 8000, true}, {"8K", 8192, true}, {"25.6k", 25600, true}, {" 1M ", 1 << 20, true}, {"2g", 2e9, true},
		{"1_000", 1000, true}, {"1.5K", 0, false}, {"", 0, false}, {"k", 0, false}, {"9999999999999999T", 0, false}, {"9e9k", 0, false},
	}
	for _, tt := range tests {
		got, err := humanInt(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: got %d, %v; want %d, ok %t", tt.text, got, err, tt.want, tt.ok)
		}
	}
}
