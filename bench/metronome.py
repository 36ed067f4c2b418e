"""The metronome of sqzb-orchestrate as a context, and what it wrote down.

with Metronome(binary, cpu=1) as m: drive m.url; afterwards m.truth has, by request id, the instants at which the
tokens were sent and the request was received (nanoseconds since 1970).
"""

import json
import os
import re
import signal
import subprocess
import tempfile

MODEL = "metronome"


def pinned(cpu):
    """A preexec_fn that keeps a child on one processor; None for any."""
    return None if cpu is None else (lambda: os.sched_setaffinity(0, {cpu}))


class Metronome:
    def __init__(self, binary, interval_ms=20, ttft_ms=60, cpu=None):
        self.dir = tempfile.TemporaryDirectory(prefix="sqzb-bench-")
        self.file = os.path.join(self.dir.name, "truth.jsonl")
        self.command = [binary, "simulator", "--model", MODEL, "--host", "127.0.0.1", "--port", "0",
                        "--sim-metronome", f"{interval_ms}ms", "--sim-metronome-ttft", f"{ttft_ms}ms",
                        "--sim-metronome-truth", self.file]
        self.cpu = cpu
        self.truth = {}

    def __enter__(self):
        # Its log is so short that it never fills the pipe.
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                        preexec_fn=pinned(self.cpu))
        for line in self.process.stderr:
            found = re.search(r"Starting vLLM server on (http://\S+)", line)
            if found:
                self.url = found.group(1)
                return self
        self.process.wait()
        raise RuntimeError(f"the metronome ended with status {self.process.returncode}")

    def __exit__(self, kind, *_):
        try:
            self.process.send_signal(signal.SIGTERM if kind is None else signal.SIGKILL)
            self.process.communicate(timeout=120)
            if kind is None:
                with open(self.file, encoding="utf-8") as lines:
                    self.truth = {r["request_id"]: _Sent(r) for r in map(json.loads, lines)}
        finally:
            self.process.kill()
            self.dir.cleanup()


class _Sent:
    """What was sent in answer to one request, in seconds."""

    def __init__(self, line):
        at = line.get("sent_ns", 0)
        self.ttft = (at - line["received_ns"]) / 1e9
        self.gaps = [d / 1e9 for d in line.get("deltas_ns", [])]
        self.cut = line.get("cut", False)


def quantile(values, q):
    """Interpolates linearly between the closest ranks, as numpy does; NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    rank = q * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)
