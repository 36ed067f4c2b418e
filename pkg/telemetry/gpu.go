package telemetry

// GPU is one look at one GPU, or another accelerator that a vendor's tool tells of. What is nil or empty the tool did not tell;
// it is never 0 instead.
type GPU struct {
	// Index is the vendor's number of it, UUID names it for good; both are always known.
	Index int
	UUID  string
	Name  string

	// What follows until MemoryTotal is how it is set up, and stays as it is while nobody changes it.

	Driver, VBIOS string
	// PowerLimit is what was asked for, EnforcedPowerLimit what is in force, after limits set elsewhere; in W.
	PowerLimit, EnforcedPowerLimit *float64
	// MaxSMClock and MaxMemoryClock are the highest possible, ApplicationSMClock and ApplicationMemoryClock those that programs
	// are given; in MHz.
	MaxSMClock, MaxMemoryClock                 *float64
	ApplicationSMClock, ApplicationMemoryClock *float64
	// MIG, ECC and Persistence are modes in the tool's words: Enabled, Disabled.
	MIG, ECC, Persistence string
	// MemoryTotal is in MiB.
	MemoryTotal *float64

	// What follows is what it was doing.

	// Power is in W, Temperature in °C, Utilization in percent of the time, MemoryUsed in MiB, the clocks in MHz.
	Power, Temperature, Utilization, MemoryUsed *float64
	SMClock, MemoryClock                        *float64
	// Throttle says of each reason that the tool tells of whether it slowed the GPU down; nil when it tells of none.
	Throttle map[string]bool
}

// The reasons in GPU.Throttle, in the words of NVIDIA's tool.
const (
	// ThrottleHWThermal and ThrottleSWThermal are heat, found by the hardware and by the driver.
	ThrottleHWThermal = "hw_thermal_slowdown"
	ThrottleSWThermal = "sw_thermal_slowdown"
	// ThrottlePowerBrake is a signal of the machine's power supply.
	ThrottlePowerBrake = "hw_power_brake_slowdown"
	// ThrottleHW is any of the hardware's reasons. It may be there for a moment when clocks change.
	ThrottleHW = "hw_slowdown"
	// ThrottlePowerCap is the power limit, which is how a GPU under load is meant to run.
	ThrottlePowerCap = "sw_power_cap"
)

func throttleReasons() []string {
	return []string{ThrottleHWThermal, ThrottleSWThermal, ThrottlePowerBrake, ThrottleHW, ThrottlePowerCap}
}
