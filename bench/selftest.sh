#!/usr/bin/env bash
# What the client costs at 64 to 2,000 streams, a token each every 20 ms: CPU per event, memory a stream, and how exact it is;
# with one core for the client and the others for the server, where there are several. The result is printed, not kept.
#
#   bench/selftest.sh BINARY [ARG…]      the arguments are those of the command selftest
set -euo pipefail

binary=$1
shift
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
trap 'rm -rf "$XDG_STATE_HOME"' EXIT
place=()
if [ "$(uname)" = Linux ] && [ "$(nproc)" -gt 1 ]; then
	# The first processor that is allowed here.
	place=(--client-cpus "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)")
fi
"$binary" selftest --concurrency 64,256,1024,2000 "${place[@]}" "$@"
