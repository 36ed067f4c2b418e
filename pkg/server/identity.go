package server

// identity tells a process from every other one since the machine was booted: a number alone is handed out again.
type identity struct {
	PID int `json:"pid"`
	// Start is Proc.StartTicks.
	Start uint64 `json:"start"`
}

// id identifies the process.
func (p Proc) id() identity { return identity{PID: p.PID, Start: p.StartTicks} }
