// Package simulator is a look-alike of the vLLM 0.32 API server that needs neither Python nor a GPU and knows the truth about
// every request it served. The quick start and the tests run it as a process of their own, with vLLM's flags and a few of
// its own (--sim-…).
//
// The way of the data: parseArgs reads argv as vLLM's argparse does, newOptions turns it into checked options, and Run plays
// the start-up (log lines spread over --sim-startup, the port bound early but listened on only when ready). An HTTP request
// becomes a completion of one or more sequences; the engine, one goroutine, batches sequences step by step as vLLM's scheduler
// does and paces the steps by the wall clock; tokens come back through the completion's outbox, and the goroutine of the HTTP
// request writes them out. The engine feeds the numbers behind /metrics; each finished request becomes a line of the truth
// file (see Truth). Faults (--sim-fault) bend this at named points: the table in faultkinds.go lists them all.
package simulator
