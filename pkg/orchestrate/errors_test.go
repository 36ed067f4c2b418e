package orchestrate

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/squeezebits/sqzb-orchestrate/pkg/report"
)

func TestWorse(t *testing.T) {
	order := []ExitCode{ExitOK, ExitVerdict, ExitBusy, ExitDataset, ExitRecipe, ExitServer, ExitInternal, 130, 143}
	for i, low := range order {
		for _, high := range order[i:] {
			if got := Worse(low, high); got != high {
				t.Errorf("Worse(%d, %d): got %d, want %d", low, high, got, high)
			}
			if got := Worse(high, low); got != high {
				t.Errorf("Worse(%d, %d): got %d, want %d", high, low, got, high)
			}
		}
	}
}

func TestFailKeepsTheFirstCodeAndInterrupts(t *testing.T) {
	inner := fail(ExitDataset, "data set", errors.New("cut"), "hint")
	if got := fail(ExitServer, "pass", fmt.Errorf("outer: %w", inner), ""); got != inner {
		t.Errorf("wrapping a coded error: got %v, want the error itself", got)
	}
	for sig, want := range map[os.Signal]ExitCode{os.Interrupt: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		err := fail(ExitServer, "full: pass", fmt.Errorf("x: %w", SignalError{Signal: sig}), "")
		if err.Code != want {
			t.Errorf("exit code of %v: got %d, want %d", sig, err.Code, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		name string
		err  error
		s    *report.Summary
		want ExitCode
	}{
		{"valid", nil, &report.Summary{Verdict: report.Valid}, ExitOK},
		{"suspect", nil, &report.Summary{Verdict: report.Suspect}, ExitVerdict},
		{"invalid", nil, &report.Summary{Verdict: report.Invalid}, ExitVerdict},
		{"failure before verdict", fail(ExitServer, "s", errors.New("x"), ""), &report.Summary{Verdict: report.Invalid},
			ExitServer},
		{"no summary", nil, nil, ExitInternal},
		{"unknown error", errors.New("x"), nil, ExitInternal},
	}
	for _, tt := range tests {
		if got := exitCode(tt.err, tt.s); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}
