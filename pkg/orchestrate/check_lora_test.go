package orchestrate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoRAModule(t *testing.T) {
	tests := []struct {
		value, name, path string
		ok                bool
	}{
		{"a=/x/y", "a", "/x/y", true},
		{"a=/x=y", "a", "/x=y", true},
		{`{"name":"b","path":"/z","base_model_name":"m"}`, "b", "/z", true},
		{` {"name":"b","path":"org/z"}`, "b", "org/z", true},
		{"a", "", "", false},
		{"a=", "", "", false},
		{"=/x", "", "", false},
		{"", "", "", false},
		{"a=/x,b=/y", "", "", false},
		{`{"name":"b"}`, "", "", false},
		{`{"name":3,"path":"/z"}`, "", "", false},
	}
	for _, tt := range tests {
		name, path, err := loraModule(tt.value)
		if name != tt.name || path != tt.path || (err == nil) != tt.ok {
			t.Errorf("loraModule(%q): got %q, %q, %v; want %q, %q, ok %t", tt.value, name, path, err, tt.name, tt.path, tt.ok)
		}
	}
}

func FuzzLoRAModule(f *testing.F) {
	for _, seed := range []string{"a=/x", `{"name":"b","path":"/z"}`, "a,b", "{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		name, path, err := loraModule(value)
		if (err == nil) != (name != "" && path != "") {
			t.Errorf("loraModule(%q): got %q, %q, %v; want both or an error", value, name, path, err)
		}
	})
}

func TestAdapters(t *testing.T) {
	home := t.TempDir()
	for _, file := range []string{"whole/adapter_config.json", "whole/adapter_model.safetensors", "weightless/adapter_config.json",
		"empty/README", "home/adapter_config.json", "home/adapter_model.bin"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		value string
		want  []string
	}{
		{"a=HOME/whole", []string{}},
		{`{"name":"a","path":"HOME/whole"}`, []string{}},
		{"a=~/home", []string{}},
		{"a=org/adapter", []string{}},
		{"a=HOME/empty", []string{"exit 3 [lora] adapter a: HOME/empty: no adapter_config.json in it"}},
		{"a=HOME/weightless", []string{"exit 3 [lora] adapter a: HOME/weightless: no weights in it (adapter_model.safetensors, " +
			"adapter_model.bin, adapter_model.pt)"}},
		{"a=HOME/none", []string{"exit 3 [lora] adapter a: HOME/none: no such folder"}},
		{"a=./none", []string{"exit 3 [lora] adapter a: ./none: no such folder"}},
		{"a=HOME/empty/README", []string{"exit 3 [lora] adapter a: HOME/empty/README: not a folder"}},
		{"a=HOME/empty/README/x", []string{"exit 3 [lora] adapter a: HOME/empty/README/x: not a directory"}},
		{"a", []string{`exit 3 [lora] lora-modules: got "a"; allowed name=path, or JSON with name and path`}},
	}
	for _, tt := range tests {
		c := checkerOf(t, machineOf(), 1)
		c.o.Home = home
		c.cfg.Server.Command = []string{"vllm", "serve"}
		c.argv = []string{"vllm", "serve", "--lora_modules", strings.ReplaceAll(tt.value, "HOME", home), "--enforce-eager"}
		c.adapters()
		got := texts(c.found.Findings)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], home, "HOME")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.value, diff)
		}
	}
}

func TestFlag(t *testing.T) {
	c := &checker{argv: []string{"vllm", "serve", "--load-format=dummy", "--a_b", "1", "2", "--bare", "--a-b", "3"}}
	tests := []struct {
		name, value string
		set         bool
		values      []string
	}{
		{"load-format", "dummy", true, []string{"dummy"}},
		{"a-b", "3", true, []string{"1", "2", "3"}},
		{"bare", "", true, nil},
		{"none", "", false, nil},
	}
	for _, tt := range tests {
		value, set := c.flag(tt.name)
		if value != tt.value || set != tt.set {
			t.Errorf("flag %s: got %q, %t; want %q, %t", tt.name, value, set, tt.value, tt.set)
		}
		if diff := cmp.Diff(tt.values, c.flagValues(tt.name)); diff != "" {
			t.Errorf("values of %s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestNamesVLLM(t *testing.T) {
	for command, want := range map[string]bool{"python -m vllm.entrypoints.openai.api_server": true, "/opt/venv/bin/vllm serve": true,
		"numactl -N 0 vllm serve": true, "python -mvllm.entrypoints.openai.api_server": true, "python start.py": false,
		"docker run vllm/vllm-openai": false, "./serve-vllm.sh": false} {
		if got := namesVLLM(strings.Fields(command)); got != want {
			t.Errorf("namesVLLM(%s): got %t, want %t", command, got, want)
		}
	}
}
