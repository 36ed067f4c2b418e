package orchestrate

import "time"

// Observer is told what happens during a run. It is called from one goroutine at a time and must return quickly: it runs
// beside the measurement.
type Observer func(Event)

// Event is one of the types below.
type Event interface{ event() }

// RunOpened says where the results go.
type RunOpened struct{ Name, Dir string }

// Note is a line for people.
type Note struct{ Text string }

// ServerPhase tells how far a starting server has come; sent a few times a second.
type ServerPhase struct {
	Pass    string
	Phase   string
	Elapsed time.Duration
	Timeout time.Duration
}

// PassProgress tells how far a pass has come; sent a few times a second.
type PassProgress struct {
	Pass                         string
	Total, Done, Failed, Running int64
	// TokensPerSecond is the rate since the last event, 0 before there are two.
	TokensPerSecond float64
	Elapsed         time.Duration
	// ETA is the estimated remaining time, 0 while it is unknown.
	ETA time.Duration
}

// StepStarted says that a step without progress of its own has begun (warm-up, stop).
type StepStarted struct{ Pass, Step string }

// StepDone says how long a step took.
type StepDone struct {
	Pass, Step string
	Took       time.Duration
	// Detail is what came out of it; may be empty.
	Detail string
}

func (RunOpened) event()    {}
func (Note) event()         {}
func (ServerPhase) event()  {}
func (PassProgress) event() {}
func (StepStarted) event()  {}
func (StepDone) event()     {}
