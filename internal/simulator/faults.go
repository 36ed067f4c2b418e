package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fault is one --sim-fault: what goes wrong, and when.
type fault struct {
	kind faultKind

	// pass limits the fault to launches whose served name contains this text, count to the first so many of these; 0 for all.
	pass  string
	count int
	// index is the place of the fault on the command line, from 0.
	index int
	// request is the number (from 0) of the completion request that triggers it, −1 for any; idSuffix is the end of the
	// X-Request-Id that does.
	request  int
	idSuffix string
	// after is the time before which nothing happens: since the start in the phase loading, since the stop was asked for in the
	// phase stopping, else since the server was ready.
	after time.Duration
	phase phase
	// tokens is the number of tokens that the request gets first.
	tokens int
	// status is the exit status, by the number of tokens by which a count is wrong.
	status int
	by     int
	// delay is the time from the death of the engine to the exit, −1 for the default of the launch; unnoticed says that the
	// server does not see the death.
	delay     time.Duration
	unnoticed bool
	// lasting is how long a delay lasts, 0 for ever.
	lasting time.Duration
	// class names the log of a failure.
	class string
	// rate is in bytes a second, total in bytes, 0 for no end.
	rate, total int64

	// once keeps a deed from being done twice in a launch.
	once *sync.Once
}

// phase is a part of the life of the server.
type phase string

const (
	phaseLoading phase = "loading"
	// phaseWarmup are the completions whose X-Request-Id contains warmupMark.
	phaseWarmup   phase = "warm-up"
	phaseServing  phase = "serving"
	phaseStopping phase = "stopping"
)

const warmupMark = "-warmup-"

// defaultLogRate is the rate of a flood of the log in bytes a second.
const defaultLogRate = 100e6

// parseFault reads KIND[:key=value,…].
func parseFault(text string) (fault, error) {
	name, rest, _ := strings.Cut(text, ":")
	spec, ok := faultKinds[faultName(name)]
	if !ok {
		return fault{}, fmt.Errorf("unknown fault %q; allowed: %s", name, strings.Join(faultNames(), ", "))
	}
	f := fault{
		kind: spec, request: -1, phase: spec.phases[0], tokens: spec.tokens, status: spec.status, by: -1, delay: -1,
		rate: defaultLogRate, total: spec.total,
	}
	if rest == "" {
		return f, f.check(text)
	}
	allowed := spec.allowedKeys()
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, assigned := strings.Cut(pair, "=")
		if !assigned || !slices.Contains(allowed, key) {
			return fault{}, fmt.Errorf("%q in %q is no setting of %s; allowed: %s, each =VALUE", pair, text, name, strings.Join(allowed, ", "))
		}
		if err := f.set(key, value); err != nil {
			return fault{}, fmt.Errorf("%s=%s in %q: %w", key, value, text, err)
		}
	}
	return f, f.check(text)
}

// check refuses settings that do not go together.
func (f *fault) check(text string) error {
	switch {
	case f.kind.name == faultFailLog && f.class == "":
		return fmt.Errorf("%q needs class=CLASS; allowed: %s", text, strings.Join(failureClasses(), ", "))
	case (f.phase == phaseLoading || f.phase == phaseStopping) && f.byRequest():
		return fmt.Errorf("%q: no request strikes in phase %s; allowed there: after=DURATION", text, f.phase)
	}
	return nil
}

func (f *fault) set(key, value string) error {
	var err error
	switch key {
	case "pass":
		f.pass = value
	case "count":
		f.count, err = natural(value)
		if err == nil && f.count == 0 {
			err = fmt.Errorf("a number of at least 1 is allowed")
		}
	case "id":
		f.idSuffix = value
	case "after":
		f.after, err = duration(value)
	case "for":
		f.lasting, err = duration(value)
	case "delay":
		f.delay, err = duration(value)
	case "phase":
		f.phase = phase(value)
		if !slices.Contains(f.kind.phases, f.phase) {
			err = fmt.Errorf("allowed: %s", f.kind.phaseNames())
		}
	case "request":
		f.request, err = natural(value)
	case "tokens":
		f.tokens, err = natural(value)
	case "status":
		f.status, err = natural(value)
		if err == nil && f.status > 255 {
			err = fmt.Errorf("an exit status from 0 to 255 is allowed")
		}
	case "by":
		f.by, err = strconv.Atoi(value)
	case "class":
		f.class = value
		if _, known := failLogs[value]; !known {
			err = fmt.Errorf("allowed: %s", strings.Join(failureClasses(), ", "))
		}
	case "noticed":
		f.unnoticed = value == "no"
		if value != "yes" && value != "no" {
			err = fmt.Errorf("allowed: yes, no")
		}
	case "rate":
		f.rate, err = byteCount(strings.TrimSuffix(value, "/s"))
	case "total":
		f.total, err = byteCount(value)
	}
	return err
}

func natural(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("a number of at least 0 is allowed")
	}
	return n, nil
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("a duration of at least 0 is allowed")
	}
	return d, err
}

// byteCount reads a number of bytes, at least 1: digits, then nothing or B, kB, MB or GB (powers of 1000).
func byteCount(text string) (int64, error) {
	number, unit := text, int64(1)
	for _, u := range []struct {
		suffix string
		size   int64
	}{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}} {
		if head, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = head, u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("allowed: a whole number of B, kB, MB or GB, at least 1B, such as 100MB")
	}
	return n * unit, nil
}

// byRequest reports whether a request triggers the fault and not the clock.
func (f *fault) byRequest() bool {
	return f.request >= 0 || f.idSuffix != "" || f.phase == phaseWarmup
}

// acts reports whether the fault does something to the process.
func (f *fault) acts() bool { return f.kind.ending != endNever || f.kind.deed }

// hits reports whether the fault concerns this request of a server that has been ready for so long.
func (f *fault) hits(number int, id string, ready time.Duration) bool {
	if f.request >= 0 && f.request != number {
		return false
	}
	if f.phase == phaseWarmup && !strings.Contains(id, warmupMark) {
		return false
	}
	return strings.HasSuffix(id, f.idSuffix) && ready >= f.after
}

// faultPlan are the faults of one launch.
type faultPlan []fault

// newFaultPlan keeps the faults that concern a launch under this served name.
func newFaultPlan(faults []fault, servedName string) faultPlan {
	var plan faultPlan
	for _, f := range faults {
		if strings.Contains(servedName, f.pass) {
			f.once = new(sync.Once)
			plan = append(plan, f)
		}
	}
	return plan
}

// find returns the first fault of a kind in a phase, nil if there is none.
func (p faultPlan) find(name faultName, ph phase) *fault {
	for i := range p {
		if p[i].kind.name == name && p[i].phase == ph {
			return &p[i]
		}
	}
	return nil
}

// timed returns the faults that act on the process in a phase at a time, and not at a request.
func (p faultPlan) timed(ph phase) []fault {
	var out []fault
	for _, f := range p {
		if f.phase == ph && f.acts() && !f.byRequest() {
			out = append(out, f)
		}
	}
	return out
}

// ofRequest returns the faults that a request meets, in the order of the command line.
func (p faultPlan) ofRequest(number int, id string, ready time.Duration) faultPlan {
	var out faultPlan
	for _, f := range p {
		concerns := f.kind.response || f.acts() && f.byRequest()
		if (f.phase == phaseServing || f.phase == phaseWarmup) && concerns && f.hits(number, id, ready) {
			out = append(out, f)
		}
	}
	return out
}
