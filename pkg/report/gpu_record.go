package report

import "fmt"

// GPURecord is what a vendor's tool told of the GPUs beside one pass: gpu.json in the folder of the pass.
type GPURecord struct {
	Schema int `json:"schema"`
	// Tool is the program that was asked, such as nvidia-smi.
	Tool string `json:"tool"`
	// Before and After are right before the first measured request and right after the last one; nil when the tool did not tell.
	Before []GPUState `json:"before"`
	After  []GPUState `json:"after"`
	// Samples were taken while requests ran, of the GPUs in Before.
	Samples []GPUSample `json:"samples"`
	// Failure is how the tool first failed; empty when it never did.
	Failure string `json:"failure,omitempty"`
}

// GPUState is how one GPU is set up, and what it was doing; what is nil or empty the tool did not tell.
type GPUState struct {
	Index int `json:"index"`
	GPUReading
	Name   string `json:"name,omitempty"`
	Driver string `json:"driver,omitempty"`
	VBIOS  string `json:"vbios,omitempty"`
	// PowerLimit is what was asked for, EnforcedPowerLimit what is in force.
	PowerLimit         *float64 `json:"power_limit_w"`
	EnforcedPowerLimit *float64 `json:"enforced_power_limit_w"`
	// The maximum clocks are the highest possible, the application clocks those that programs are given.
	MaxSMClock             *float64 `json:"max_sm_clock_mhz"`
	MaxMemoryClock         *float64 `json:"max_memory_clock_mhz"`
	ApplicationSMClock     *float64 `json:"application_sm_clock_mhz"`
	ApplicationMemoryClock *float64 `json:"application_memory_clock_mhz"`
	MIG                    string   `json:"mig,omitempty"`
	ECC                    string   `json:"ecc,omitempty"`
	Persistence            string   `json:"persistence,omitempty"`
	MemoryTotal            *float64 `json:"memory_total_mib"`
}

// GPUReading is what one GPU was doing at a moment.
type GPUReading struct {
	UUID        string   `json:"uuid"`
	Power       *float64 `json:"power_w"`
	SMClock     *float64 `json:"sm_clock_mhz"`
	MemoryClock *float64 `json:"memory_clock_mhz"`
	Temperature *float64 `json:"temperature_c"`
	MemoryUsed  *float64 `json:"memory_used_mib"`
	Utilization *float64 `json:"utilization_pct"`
	// Throttle says of each reason that the tool tells of whether it slowed the GPU down.
	Throttle map[string]bool `json:"throttle"`
}

// GPUSample is one look at the GPUs while requests ran.
type GPUSample struct {
	// At is in seconds from the start of the pass.
	At   float64      `json:"at_s"`
	GPUs []GPUReading `json:"gpus"`
}

// WriteGPURecord writes gpu.json of a pass into the run directory dir.
func WriteGPURecord(dir, pass string, r GPURecord) error { return writePassFile(dir, pass, GPUFile, r) }

// readGPURecord reads gpu.json of a pass; nil when there is none.
func readGPURecord(dir, pass string) (*GPURecord, error) {
	return readPassFile(dir, pass, GPUFile, "the state of the GPUs", (*GPURecord).check)
}

// check finds what no record of ours has: another version, or samples that are not one after the other.
func (r *GPURecord) check() error {
	if err := checkSchema(&r.Schema); err != nil {
		return err
	}
	before := 0.0
	for i, s := range r.Samples {
		if s.At <= before || !plausible(s.At) {
			return fmt.Errorf("sample %d at %v s, after one at %v s", i, s.At, before)
		}
		before = s.At
	}
	return nil
}
