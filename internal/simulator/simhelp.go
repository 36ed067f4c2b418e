package simulator

import "strings"

// simUsage is the part of the usage that is the simulator's own.
const simUsage = `                     [--sim-startup DURATION] [--sim-step DURATION]
                     [--sim-prefill-per-token DURATION]
                     [--sim-decode-per-seq DURATION]
                     [--sim-output-len N|MIN:MAX] [--sim-vocab-size N]
                     [--sim-truth DIR] [--sim-truth-tokens]
                     [--sim-fault KIND[:KEY=VALUE,...] [KIND... ...]]
                     [--sim-state DIR] [--sim-tree] [--sim-wipe-environ]
                     [--sim-death-delay DURATION] [--sim-reuseport]
                     [--sim-hold PATTERN] [--sim-ready-file FILE]
                     [--sim-version VERSION] [--sim-cache DIR]
                     [--sim-metronome DURATION]
                     [--sim-metronome-ttft DURATION]
                     [--sim-metronome-truth FILE]
                     [--sim-refuse FLAG [FLAG ...]]
                     [--sim-when TEXT:FLAGS [TEXT:FLAGS ...]]
`

// simHelp explains the simulator's own flags and every fault.
func simHelp() string {
	return `
the simulator's own options:
  --sim-startup DURATION
                    time from the start until the server is ready (default 1s)
  --sim-step DURATION
                    time of a step of the engine (default 10ms), to which are added
  --sim-prefill-per-token DURATION
                    for each token of a prompt (default 50µs) and
  --sim-decode-per-seq DURATION
                    for each sequence that gets a token (default 100µs)
  --sim-output-len N|MIN:MAX
                    tokens after which an output ends by itself (default: never)
  --sim-vocab-size N
                    size of the vocabulary (default: the model's)
  --sim-truth DIR   write what really happened to DIR/SERVED_NAME.jsonl
  --sim-truth-tokens
                    with the time of every token
  --sim-tree        start the processes of vLLM, all in this one's session:
                    resource_tracker, VLLM::EngineCore and below it VLLM::Worker.
                    EngineCore's end, whoever is to blame, is the engine's; they end
                    in order on SIGTERM, and live on when this process is killed
  --sim-wipe-environ
                    these processes, and those of double-fork and own-session, show
                    an empty environment, as Python's setproctitle leaves it
  --sim-death-delay DURATION
                    time from the engine's death to the server's exit (default 5s)
  --sim-reuseport   take the port with SO_REUSEPORT, as vLLM 0.7.3 to 0.24 do: two
                    servers that both have the flag share a port
  --sim-hold PATTERN
                    do not become ready before a file exists that the pattern matches
  --sim-ready-file FILE
                    write the process id to FILE when ready
  --sim-version VERSION
                    the version that the server says it is (default ` + Version + `)
  --sim-cache DIR   keep the prefix cache in DIR from launch to launch, as an external
                    KV cache does: what comes from there counts as external hits
  --sim-metronome DURATION
                    no engine, but streams that are known exactly: a token of each
                    every DURATION, at instants that do not drift, each event with
                    the time at which it was sent (sent_ns, CLOCK_MONOTONIC). Takes
                    streams only, and is ready at once
  --sim-metronome-ttft DURATION
                    time from a request to its first token then (default 60ms)
  --sim-metronome-truth FILE
                    write what was sent to FILE when the server ends, a line of JSON
                    for each request: request_id, received_ns, sent_ns (the first
                    token) and deltas_ns (from token to token), late_ns (behind the
                    schedule)
  --sim-refuse FLAG [FLAG ...]
                    do not know these flags, given without their dashes
  --sim-when TEXT:FLAGS [TEXT:FLAGS ...]
                    take these flags, too, in a launch whose served name contains TEXT:
                    a server that is not the same twice, started by the same command
  --sim-fault KIND[:KEY=VALUE,...] [KIND... ...]
                    go wrong; several may be given. Settings that all have:
                    pass=TEXT (only launches whose served name contains it),
                    count=N (only the first N of these; needs --sim-state),
                    after=DURATION (not before: since the start in phase loading,
                    since SIGTERM in phase stopping, else since ready).
                    request=N (number of the completion, from 0, probe and warm-up
                    included) or id=TEXT (the end of its X-Request-Id) let a request
                    strike, and not the clock, once it has had tokens=N tokens.
                    phase=warm-up means the first request whose id has "` + warmupMark + `"
  --sim-state DIR   where launches are counted for count=N

the kinds of --sim-fault:
` + faultHelp() + `
classes of fail-log and engine-dead:
  ` + strings.Join(failureClasses(), ", ") + `
`
}
