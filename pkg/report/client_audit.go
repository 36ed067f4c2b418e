package report

// ClientAudit is what the client found out about itself during one pass: client.json. What is nil is not known.
type ClientAudit struct {
	Schema int `json:"schema"`
	// Stamps is StampsKernel or StampsUser: whose clock stamped what came; Why says why it was not the kernel's.
	Stamps string `json:"stamps"`
	Why    string `json:"why,omitempty"`
	// Wall is how long the client watched itself, from before the first request until after the last response; CPU the
	// processor time that it used meanwhile, Cores how many processors it may use at once, Wait how long its threads that
	// were ready to run had none, all together, and Turns how often one of them got one.
	Wall  float64  `json:"wall_s"`
	CPU   float64  `json:"cpu_s"`
	Cores float64  `json:"cores"`
	Wait  *float64 `json:"wait_s"`
	Turns *int     `json:"turns"`
	// Busy is the share of the time of the processors that the client may use in which anybody used them, from 0 to 1.
	Busy *float64 `json:"busy_share"`
	// GCs counts garbage collections; GCPause is how long all of them stopped the client, GCPauseMax the longest one.
	GCs        int     `json:"gc_count"`
	GCPause    float64 `json:"gc_pause_s"`
	GCPauseMax float64 `json:"gc_pause_max_s"`
	// Steal is the share of the machine's processor time that its host gave to other machines, from 0 to 1.
	Steal *float64 `json:"steal_share"`
	// Retransmits counts the TCP segments that this machine sent again.
	Retransmits *int `json:"tcp_retransmits"`
	// Connections were opened to the server for the pass and its warm-up.
	Connections int `json:"connections"`
	// ClockSteps counts how often the wall clock was set; the kernel's stamps around that were not used.
	ClockSteps int `json:"clock_steps"`
	// WakesUS is how late a sleeping client was woken, in microseconds: the lag where the kernel does not stamp.
	WakesUS []int64 `json:"wakes_us,omitempty"`
}

// The values of ClientAudit.Stamps.
const (
	StampsKernel = "kernel"
	StampsUser   = "user"
)

// WriteClientAudit writes client.json of a pass into the run directory dir.
func WriteClientAudit(dir, pass string, a ClientAudit) error {
	a.Schema = SchemaVersion
	return writePassFile(dir, pass, ClientFile, a)
}

// readClientAudit reads client.json of a pass; nil when there is none.
func readClientAudit(dir, pass string) (*ClientAudit, error) {
	return readPassFile(dir, pass, ClientFile, "what the client found out about itself", (*ClientAudit).check)
}

func (a *ClientAudit) check() error { return checkSchema(&a.Schema) }
