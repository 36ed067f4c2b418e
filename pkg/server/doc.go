// Package server runs one vLLM process: it builds the command line, starts it, tells when it is ready, watches it, and stops
// it so that nothing of it is left.
//
// Data passes through in this order. A [Launch] is turned into argv, [Environ] into the environment, [FreePort] and
// [CheckPort] settle where the server will listen. [Start] gives the process a session of its own with its output going
// straight into a log file, and hands back a [Process]. [Process.AwaitReady] polls the caller's probe until it succeeds, the
// process ends or the time is up; [Process.Phase] and [Process.Tail] read the log for people meanwhile, and
// [Process.OwnsPort] tells whether it was our server that answered. [Process.Exited] closes the moment the process ends,
// whoever asked for it, [Process.Lost] the moment a part of the server does. [Process.Stop] asks the leader to end, waits,
// escalates, and returns when every process of the server is gone and the port is free.
//
// On Linux a guardian ([Options.Guard], [Guard]), a second process of the same program, stands between us and the server, and
// ends it when we are killed. What both of them leave behind is found by a later run with [Leftovers]. What belongs to a
// launch is decided in one place (lineage), and nothing else is ever signalled.
//
// Before a launch, [InterpreterOf] and [InstalledVLLM] find out which vLLM it would run, without running it. [FlagFindings] and
// [PlanTimings] draw conclusions from that.
//
// The package knows nothing of HTTP: what "ready" means is the probe's business.
package server
