package orchestrate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaskOverrides(t *testing.T) {
	got := maskOverrides([]string{"load.seed=3", "server.args.api-key=hush", "server.env.HF_TOKEN=hush", "server.env.A=b=c",
		"server.env={HF_TOKEN: hush}", "server.args={api-key: hush}", "server.args.max-num-batched-tokens=8", "name=x"})
	want := []string{"load.seed=3", "server.args.api-key=***", "server.env.HF_TOKEN=***", "server.env.A=b=c", "server.env=***",
		"server.args=***", "server.args.max-num-batched-tokens=8", "name=x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
