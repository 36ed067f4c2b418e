package report

// FindingSeverity says whether a finding stands against a run.
type FindingSeverity string

// The severities of a finding.
const (
	// FindingError: the run cannot give what the recipe asks for, and is not started.
	FindingError FindingSeverity = "error"
	// FindingWarning: the run may be started.
	FindingWarning FindingSeverity = "warning"
)

// Finding is something about the recipe, the installation or the machine that was found before anything was started.
type Finding struct {
	Severity FindingSeverity `json:"severity"`
	// Check names what was looked at, in one word: command, model, dataset, …
	Check string `json:"check"`
	// Text says what was found, Advice what to do about it; Advice may be empty. Neither ends in a full stop.
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
	// ExitCode is what the program exits with because of it; 0 and absent for a warning.
	ExitCode int `json:"exit_code,omitzero"`
}
