package telemetry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeTool is a shell script of a name on a PATH of its own; it finds the programs of the system, too.
func fakeTool(t *testing.T, name, script string) *GPUTool {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	tool := FindGPUTool([]string{"PATH=" + dir + ":/usr/bin:/bin", "DIR=" + dir})
	if tool == nil || tool.Name() != name || filepath.Dir(tool.path) != dir {
		t.Fatalf("got %+v, want %s of %s", tool, name, dir)
	}
	return tool
}

// knowing answers like nvidia-smi: it refuses the first field that it does not know, else tells of one GPU. Each call leaves a
// line with its fields in $DIR/calls.
const knowing = `
fields=${1#--query-gpu=}
echo "$fields" >>"$DIR/calls"
out= IFS=,
for f in $fields; do
  case " $UNKNOWN " in *" $f "*) printf 'Field "%s" is not a valid field to query.\n\n' "$f"; exit 2;; esac
  case $f in
    index) v=0;; uuid) v=GPU-1;; name) v="A GPU";; driver_version) v=1;; *.mode.*|persistence_mode) v=Enabled;;
    *_reasons.hw_slowdown) v=Active;; *_reasons.*) v="Not Active";; vbios_version) v='[N/A]';; *) v=12.5;;
  esac
  out="$out, $v"
done
echo "${out#, }"
`

func calls(t *testing.T, tool *GPUTool) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(value(tool.env, "DIR"), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestFieldsThatADriverDoesNotKnow(t *testing.T) {
	tool := fakeTool(t, "nvidia-smi", knowing)
	unknown := []string{"mig.mode.current"}
	for _, reason := range throttleReasons() {
		unknown = append(unknown, "clocks_event_reasons."+reason)
	}
	tool.env = append(tool.env, "UNKNOWN="+strings.Join(unknown, " "))
	list, err := tool.State(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v; want one GPU", list, err)
	}
	g := list[0]
	if g.MIG != "" || g.ECC != "Enabled" || g.PowerLimit == nil || *g.PowerLimit != 12.5 || g.VBIOS != "" {
		t.Errorf("got %+v", g)
	}
	if len(g.Throttle) != len(throttleReasons()) || !g.Throttle[ThrottleHW] || g.Throttle[ThrottleHWThermal] {
		t.Errorf("reasons: got %v, want all five, and %s alone active", g.Throttle, ThrottleHW)
	}
	if got, want := len(calls(t, tool)), 1+len(unknown); got != want {
		t.Errorf("calls: got %d, want %d", got, want)
	}
	// What was learned is remembered, and the readings are asked for alone.
	readings, err := tool.Readings(t.Context())
	if err != nil || len(readings) != 1 || readings[0].Power == nil || readings[0].PowerLimit != nil || readings[0].Name != "" {
		t.Errorf("readings: got %+v, %v", readings, err)
	}
	if got, want := len(calls(t, tool)), 2+len(unknown); got != want {
		t.Errorf("calls: got %d, want %d", got, want)
	}
}

func TestReadingsAreOfTheGPUsOfTheState(t *testing.T) {
	tool := fakeTool(t, "nvidia-smi", knowing)
	tool.env = append(tool.env, "CUDA_VISIBLE_DEVICES=")
	if list, err := tool.State(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("state: got %v, %v; want none", list, err)
	}
	if list, err := tool.Readings(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("readings: got %v, %v; want none", list, err)
	}
}

func TestLateFieldsOfGaudi(t *testing.T) {
	tool := fakeTool(t, "hl-smi", `
case $2 in *power.max*|*clocks.*) echo "bad query"; exit 1;; esac
[ "$3 $4" = "-f csv,noheader,nounits" ] && echo "3, 01P4-X, HL-225, 1.13.0-ee32e42, Enabled, 98304, 768, 104, 27, 0"
`)
	list, err := tool.State(t.Context())
	if err != nil || len(list) != 1 || list[0].Index != 3 || list[0].Power == nil || *list[0].Power != 104 || list[0].PowerLimit != nil {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestToolsThatFail(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"no devices", `echo "No devices were found"; exit 6`, ""},
		{"no driver", `echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."; exit 9`,
			"asking nvidia-smi: exit status 9: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."},
		{"an answer in another shape", `echo "a, b"`, `2 cells where`},
		{"refuses what there must be", `echo 'Field "uuid" is not a valid field to query.'; exit 2`, `"uuid" is not a valid field`},
		{"refuses what was not asked for", `echo 'Field "other" is not a valid field to query.'; exit 2`, `"other" is not`},
		{"refuses everything", `f=${1##*,}; echo "Field \"$f\" is not a valid field to query."; exit 2`, `"uuid" is not a valid`},
		{"no program", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := fakeTool(t, "nvidia-smi", tt.script).State(t.Context())
			if len(list) != 0 || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want %q", list, err, tt.want)
			}
		})
	}
}

// A tool that hangs is given up after its time, with all that it started, and is not run again.
func TestToolThatHangs(t *testing.T) {
	tool := fakeTool(t, "nvidia-smi", `echo x >>"$DIR/calls"; sleep 60; echo`)
	tool.timeout = 50 * time.Millisecond
	for range 2 {
		_, err := tool.State(t.Context())
		if want := "asking nvidia-smi: no answer within 50ms"; err == nil || err.Error() != want {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
	// On a busy machine it may have been ended before it wrote its line.
	if text, err := os.ReadFile(filepath.Join(value(tool.env, "DIR"), "calls")); err == nil && string(text) != "x\n" {
		t.Errorf("calls: got %q, want one", text)
	}
}

// The end of a pass is no fault of the tool's.
func TestToolEndsWithItsContext(t *testing.T) {
	tool := fakeTool(t, "nvidia-smi", `sleep 60`)
	cause := errors.New("the pass is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := tool.Readings(ctx); !errors.Is(err, cause) || tool.hangs != nil {
		t.Errorf("got %v, hangs %v; want the cause", err, tool.hangs)
	}
}

func TestFindGPUTool(t *testing.T) {
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{"plain/nvidia-smi": 0o644, "gaudi/hl-smi": 0o755} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "folder/nvidia-smi"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "", "plain:folder": "", "plain:gaudi": "hl-smi"} {
		dirs := strings.Split(path, ":")
		for i := range dirs {
			dirs[i] = filepath.Join(dir, dirs[i])
		}
		got := ""
		if tool := FindGPUTool([]string{"PATH=" + strings.Join(dirs, ":")}); tool != nil {
			got = tool.Name()
		}
		if got != want {
			t.Errorf("PATH %q: got %q, want %q", path, got, want)
		}
	}
	if tool := FindGPUTool(nil); tool != nil {
		t.Errorf("without a PATH: got %+v", tool)
	}
}
