#!/usr/bin/env python3
"""Computes the figures of a selftest anew from what the client recorded and what the server noted, with no code of ours.

    sqzb-orchestrate selftest --keep DIR --json > RESULT
    python3 bench/check_selftest.py RESULT DIR

For each level it joins the client's records with the server's own stamps by request id, token by token, and holds errors of ITL and
TTFT, lost and extra events against the result. Numbers must agree to 1e-9 of their size. Any Python 3.9 does. Exit status: 0 all
agree, 1 something differs, 2 wrong usage.
"""

import json
import math
import sys
from pathlib import Path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def quantile(values, p):
    """By linear interpolation between closest ranks, as numpy does it."""
    values = sorted(values)
    at = p * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def spread(values):
    return {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values)}


def sent_instants(request):
    """When each token was sent, in nanoseconds, by CLOCK_MONOTONIC."""
    if "sent_ns" not in request:
        return []
    at, out = request["sent_ns"], [request["sent_ns"]]
    for step in request.get("deltas_ns", []):
        at += step
        out.append(at)
    return out


def level(folder):
    clock = json.loads((folder / "clock.json").read_text())
    truth = {r["request_id"]: sent_instants(r) for r in lines(folder / "truth.jsonl")}
    itl, ttft, lost, extra, failed, events = [], [], 0, 0, 0, 0
    for record in lines(folder / "records.jsonl"):
        sent = truth.pop(record["request_id"], [])
        events += record["chunks"]
        failed += "error_class" in record
        lost += max(len(sent) - record["chunks"], 0)
        extra += max(record["chunks"] - len(sent), 0)
        if len(sent) != record["chunks"] or not sent or "error_class" in record:
            continue
        ttft.append(abs(clock["start_ns"] + record["first_token_ns"] - sent[0]) / 1e3)
        for gap, before, after in zip(record.get("chunk_deltas_us", []), sent, sent[1:]):
            itl.append(abs(gap - (after - before) / 1e3))
    lost += sum(map(len, truth.values()))
    return {"events": events, "failed_requests": failed, "lost_events": lost, "extra_events": extra,
            "itl_error_us": spread(itl), "ttft_error_us": spread(ttft)}


def differences(want, got, path=""):
    for key, value in want.items():
        if isinstance(value, dict):
            yield from differences(value, got.get(key) or {}, f"{path}{key}.")
        elif got.get(key) is None or not math.isclose(value, got[key], rel_tol=1e-9, abs_tol=1e-9):
            yield f"{path}{key}: {got.get(key)} in the result, recomputed {value}"


def main(args):
    if len(args) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    status = 0
    for got in json.loads(Path(args[0]).read_text())["levels"]:
        want = level(Path(args[1]) / str(got["streams"]))
        found = list(differences(want, got))
        status |= bool(found)
        itl, ttft = want["itl_error_us"], want["ttft_error_us"]
        print(f"{got['streams']} streams: {want['events']} events, ITL error p99 {itl['p99']:.1f} us, "
              f"TTFT error p99 {ttft['p99']:.1f} us: " + ("\n  ".join(["differs:"] + found) if found else "agrees"))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
