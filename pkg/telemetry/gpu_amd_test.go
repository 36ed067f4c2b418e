package telemetry

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAMD(t *testing.T) {
	const mib = 1 << 20
	for name, want := range map[string][]GPU{
		"amd-6.2-mi300x": {{
			UUID: "0x3a1f0c528f5e5a0c", Name: "AMD Instinct MI300X", Driver: "6.8.5", PowerLimit: num(750), Power: num(712),
			Temperature: num(71), Utilization: num(100), MemoryTotal: num(206141652992.0 / mib), MemoryUsed: num(190123999232.0 / mib),
			SMClock: num(1744), MemoryClock: num(1300),
		}, {
			Index: 1, UUID: "0x91c3f6a877de0b3b", Name: "AMD Instinct MI300X", Driver: "6.8.5", PowerLimit: num(750), Power: num(131),
			Temperature: num(37), Utilization: num(0), MemoryTotal: num(206141652992.0 / mib), MemoryUsed: num(296173568.0 / mib),
			SMClock: num(132), MemoryClock: num(900),
		}},
		"amd-5.4-mi210": {{
			UUID: "card0", Name: "Instinct MI210", PowerLimit: num(300), Power: num(40), Temperature: num(35),
			MemoryTotal: num(68702699520.0 / mib), MemoryUsed: num(10960896.0 / mib), SMClock: num(800), MemoryClock: num(1600),
		}, {Index: 1, UUID: "card1", Name: "Instinct MI210"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseAMD(amdFields(), string(sample(t, filepath.Join("gpu", name+".json"))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseAMDIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                              "",
		`{"system": {"x": "y"}}`:          "",
		"":                                "no JSON",
		"ERROR: no amdgpu":                "no JSON",
		`{"card0": {`:                     "unexpected EOF",
		`{"card0": "x"}`:                  "cannot unmarshal",
		`{"card": {}}`:                    `no number of a card: "card"`,
		`{"card-1": {}}`:                  `no number of a card: "card-1"`,
		`{"card0": {"GPU use (%)": "a"}}`: `card0: GPU use (%): not a number: "a"`,
		`{"card0": {"Unique ID": "0x1"}, "card1": {"Unique ID": "0x1"}}`: `two GPUs with the UUID "0x1"`,
	} {
		_, err := parseAMD(amdFields(), text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestAMDTool(t *testing.T) {
	tool := fakeTool(t, "rocm-smi", `
case "$*" in *"--showmeminfo vram"*--json*) ;; *) exit 2;; esac
echo "a warning" >&2
echo '{"card0": {"Unique ID": "0xa", "GPU use (%)": "7"}}'
`)
	tool.env = append(tool.env, "CUDA_VISIBLE_DEVICES=3")
	for _, ask := range []func() ([]GPU, error){
		func() ([]GPU, error) { return tool.State(t.Context()) }, func() ([]GPU, error) { return tool.Readings(t.Context()) },
	} {
		list, err := ask()
		if diff := cmp.Diff(list, []GPU{{UUID: "0xa", Utilization: num(7)}}); diff != "" || err != nil {
			t.Errorf("error %v (-got +want):\n%s", err, diff)
		}
	}
}

func FuzzParseAMD(f *testing.F) {
	for _, name := range []string{"amd-6.2-mi300x", "amd-5.4-mi210"} {
		f.Add(string(sample(f, filepath.Join("gpu", name+".json"))))
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseAMD(amdFields(), text)
		if err != nil {
			return
		}
		for i, g := range list {
			if g.UUID == "" || g.Index < 0 || i > 0 && g.Index < list[i-1].Index {
				t.Errorf("no identity, or no order: %+v", g)
			}
		}
	})
}
