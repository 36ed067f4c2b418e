// Package server runs one vLLM process: it builds the command line, starts it, tells when it is ready, watches it, and stops
// it so that nothing of it is left.
//
// Data passes through in this order. A [Launch] is turned into argv, [Environ] into the environment, [FreePort] and
// [CheckPort] settle where the server will listen. [Start] gives the process a session of its own with its output going
// straight into a log file, and hands back a [Process]. [Process.AwaitReady] polls the caller's probe until it succeeds, the
// process ends or the time is up; [Process.Phase] and [Process.Tail] read the log for people meanwhile. [Process.Exited]
// closes the moment the process ends, whoever asked for it. [Process.Stop] asks the leader to end, waits, escalates, and
// returns when every process of the session is gone and the port is free.
//
// The package knows nothing of HTTP: what "ready" means is the probe's business.
package server
