package selftest

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/squeezebits/sqzb-orchestrate/internal/simulator"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestMain: the test binary is also the metronome that Run starts.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "simulator" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	status := simulator.Run(ctx, os.Args[:2], os.Args[2:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
