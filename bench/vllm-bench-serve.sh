#!/usr/bin/env bash
# Holds this program's client and vllm bench serve against the same server, which knows when it sent what, at 256 and 1,024
# streams, with one core for the client and another one for the server, and prints one table.
#
#   bench/vllm-bench-serve.sh [STREAMS,STREAMS,…]
#
# It builds the program, and takes the Python with vLLM 0.32.0 from $PYTHON or from e2e/install-vllm.sh, which installs it
# (6 GB) when it is not there yet. Give the machine nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."

make --silent build
PYTHON=${PYTHON:-$(e2e/install-vllm.sh 0.32.0 | tail -n 1)}
export PYTHON
exec "$PYTHON" bench/clients.py --binary bin/sqzb-orchestrate --tools ours,vllm --streams "${1:-256,1024}"
