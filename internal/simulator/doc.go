// Package simulator is a look-alike of the vLLM 0.32 API server that needs neither Python nor a GPU and knows the truth about
// every request it served. The quick start and the tests run it as a process of their own, with vLLM's flags and a few of
// its own (--sim-…).
//
// The way of the data: parseArgs reads argv as vLLM's argparse does, newOptions turns it into checked options, and Run plays
// the start-up (log lines spread over --sim-startup, the port bound early but listened on only when ready). An HTTP request
// becomes a completion of one or more sequences; the engine, one goroutine, batches sequences step by step as vLLM's scheduler
// does and paces the steps by the wall clock; tokens come back through the completion's outbox, and the goroutine of the HTTP
// request writes them out. The engine feeds the numbers behind /metrics; each finished request becomes a line of the truth
// file (see Truth). Faults (--sim-fault) bend this at named points: the table in faultkinds.go lists them all, and --help explains
// them with every flag of the simulator's own.
//
// A fault strikes once its phase has come (loading; warm-up, the completions whose X-Request-Id contains "-warmup-"; serving;
// stopping): by the clock (after=DURATION), or at a request (request=N, id=END) that has had tokens=N tokens. Some end the process
// (exit, kill, fail-log, …), some do something to it that goes on (hang, slow-health, log-flood, …: deeds.go), some bend one
// response (error-event, cut-stream, stall, …), and some are conditions of the whole launch (ignore-sigterm, orphan-on-exit, …).
// They are limited to launches by their served name (pass=TEXT) and by their number (count=N, with --sim-state DIR). Examples:
//
//	--sim-tree --sim-fault kill-engine:request=20,pass=full    SIGKILL of EngineCore under load
//	--sim-tree --sim-fault kill-worker:id=-full-7,noticed=no   SIGKILL of Worker that nobody sees: a hang
//	--sim-fault fail-log:class=free_memory,count=1 --sim-state DIR   the first start fails, the next succeeds
//	--sim-fault hang:phase=warm-up                             silent streams, a healthy /health
//	--sim-fault double-fork ignore-sigterm slow-health:for=20s several at once
//
// With --sim-tree the process is the API server of a tree like vLLM's, all in its session: resource_tracker, VLLM::EngineCore and
// below it VLLM::Worker, the same program started again (member.go) under these titles. They compute nothing, but EngineCore's end
// is the engine's: an error event and [DONE] in every open stream, /health 503, and --sim-death-delay later exit status 0. On
// SIGTERM the tree ends in order, the resource_tracker a moment after the rest; a SIGKILL of the API server leaves it alive.
//
// With --otlp-traces-endpoint and the environment that vLLM needs for it, each finished request, and the start-up, is told in
// OpenTelemetry spans over http/protobuf (traces.go, spans.go).
//
// What goes wrong with a measurement without any fault of the server's has switches of its own: --sim-when lets a launch differ
// from another one with the same command, --sim-refuse has it not know a flag, --sim-cache keeps the prefix cache from launch to
// launch as an external KV cache does:
//
//	--sim-when "summarization: --sim-version 0.99.0"     another version in the second pass
//
// With --sim-metronome there is no engine at all, but the server of internal/metronome, for which this package is only the way in:
// it is what the client is held against.
//
// A second server on the same port must not belong to the first one's tree, and is a launch of its own: both with
// --sim-reuseport to share the port, kept in step by --sim-hold PATTERN (not ready before such a file exists) and
// --sim-ready-file FILE.
package simulator
