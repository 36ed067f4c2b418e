package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fault is one --sim-fault: what goes wrong, and when.
type fault struct {
	kind faultKind

	// pass limits the fault to launches whose served name contains this text.
	pass string
	// request is the number (from 0) of the completion request that triggers it, −1 for any; idSuffix is the end of the
	// X-Request-Id that does.
	request  int
	idSuffix string
	// after is the time since the server was ready (since its start, in the loading phase) before which nothing happens.
	after time.Duration
	phase phase
	// tokens is the number of tokens that the request gets first.
	tokens int
	// status is the exit status, by the number of tokens by which a count is wrong.
	status int
	by     int
}

// phase is a part of the life of the server.
type phase string

const (
	phaseLoading phase = "loading"
	phaseServing phase = "serving"
)

// parseFault reads KIND[:key=value,…].
func parseFault(text string) (fault, error) {
	name, rest, _ := strings.Cut(text, ":")
	spec, ok := faultKinds[faultName(name)]
	if !ok {
		return fault{}, fmt.Errorf("unknown fault %q; allowed: %s", name, strings.Join(faultNames(), ", "))
	}
	f := fault{kind: spec, request: -1, phase: spec.phase, tokens: spec.tokens, status: 1, by: -1}
	if rest == "" {
		return f, nil
	}
	allowed := append([]string{"pass", "after"}, spec.keys...)
	for pair := range strings.SplitSeq(rest, ",") {
		key, value, assigned := strings.Cut(pair, "=")
		if !assigned || !slices.Contains(allowed, key) {
			return fault{}, fmt.Errorf("%q in %q is no setting of %s; allowed: %s, each =VALUE", pair, text, name, strings.Join(allowed, ", "))
		}
		if err := f.set(key, value); err != nil {
			return fault{}, fmt.Errorf("%s=%s in %q: %w", key, value, text, err)
		}
	}
	return f, nil
}

func (f *fault) set(key, value string) error {
	var err error
	switch key {
	case "pass":
		f.pass = value
	case "id":
		f.idSuffix = value
	case "after":
		f.after, err = time.ParseDuration(value)
		if err == nil && f.after < 0 {
			err = fmt.Errorf("a duration of at least 0 is allowed")
		}
	case "phase":
		f.phase = phase(value)
		if f.phase != phaseLoading && f.phase != phaseServing {
			err = fmt.Errorf("allowed: %s, %s", phaseLoading, phaseServing)
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

// byRequest reports whether a request triggers the fault and not the clock.
func (f *fault) byRequest() bool { return f.request >= 0 || f.idSuffix != "" }

// hits reports whether the fault concerns this request of a server that has been ready for so long.
func (f *fault) hits(number int, id string, ready time.Duration) bool {
	if f.request >= 0 && f.request != number {
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

// timed returns the faults that end the process in a phase at a time, and not at a request.
func (p faultPlan) timed(ph phase) []fault {
	var out []fault
	for _, f := range p {
		if f.phase == ph && f.kind.ending != endNever && !f.byRequest() {
			out = append(out, f)
		}
	}
	return out
}

// ofRequest returns the faults that a request meets, in the order of the command line.
func (p faultPlan) ofRequest(number int, id string, ready time.Duration) faultPlan {
	var out faultPlan
	for _, f := range p {
		concerns := f.kind.response || f.kind.ending != endNever && f.byRequest()
		if f.phase == phaseServing && concerns && f.hits(number, id, ready) {
			out = append(out, f)
		}
	}
	return out
}
