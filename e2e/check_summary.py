#!/usr/bin/env python3
"""Recomputes every figure of a summary.json with pandas and numpy, and holds it against what stands there.

    python e2e/check_summary.py RUN...

RUN is a run directory. The figures are made anew from manifest.json, and from records.jsonl, client.json, timings.jsonl, the
metrics-*.prom, metrics-during.jsonl and gpu.json of each pass, by the definitions in docs/metrics.md and with no code of sqzb-orchestrate. Numbers must
agree to 1e-9 of their size, counts and facts exactly. A key that is missing on either side is a difference. The texts of
reasons and notes are not made anew; of the reasons, their order and the verdict that follows from them are checked.

It needs Python 3.10 and pandas. Exit status: 0 all agree, 1 there are differences, 2 a run cannot be read.
"""

import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

SCHEMA = 2
TOLERANCE = 1e-9
PASSES = ("full", "summarization")
SOURCES = ("response", "trace", "histogram", "client")
TIMES = ["queue_ms", "prefill_ms", "decode_ms"]
NO_THRESHOLDS = {"max_failed": 0, "schedule_lag_ms": 50, "schedule_lag_gap_share": 0.01, "client_cpu_share": 0.90,
                 "lag_icl_share": 0.05, "coalesced_share": 0.01, "measured_gap_share": 0.20}

# What every record has, and what one has only when the request got so far.
ALWAYS = ["index", "request_id", "prompt_tokens_sent", "max_tokens", "scheduled_ns", "due_ns", "chunks"]
NEEDED = ["sent_ns", "first_token_ns", "last_token_ns", "done_ns", "prompt_tokens", "completion_tokens"]
MAYBE = ["trace_id", "error_class", "cached_tokens", "chunk_deltas_us", "chunk_lags_us", "coalesced", "chunk_tokens"] + ["server." + t for t in TIMES]


class Unreadable(Exception):
    """A file of the run is not there, or not what it should be."""


# Reading


def read_json(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise Unreadable(f"{path}: {e}") from e


def read_lines(path):
    """The objects of a file with one on each line; a crash may have cut off the last line, which is then left out."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    torn = lines.pop()
    rows = []
    for n, line in enumerate(lines + [torn] * bool(torn), 1):
        try:
            rows.append(json.loads(line))
        except ValueError as e:
            if n <= len(lines):
                raise Unreadable(f"{path}:{n}: {e}") from e
    return rows


def read_records(path):
    rows = read_lines(path)
    for n, row in enumerate(rows, 1):
        if missing := [key for key in ALWAYS if key not in row]:
            raise Unreadable(f"{path}:{n}: no {', '.join(missing)}")
    return pd.json_normalize(rows).reindex(columns=ALWAYS + NEEDED + MAYBE)


SERIES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def read_metrics(path):
    """The series of a file in Prometheus' text format, None when there is none."""
    if not path.exists():
        return None
    rows = []
    for n, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not (m := SERIES.match(line.strip())):
            raise Unreadable(f"{path}:{n}: not a series: {line}")
        rows.append((m[1], dict(LABEL.findall(m[2] or "")), float(m[3])))
    return pd.DataFrame(rows, columns=["name", "labels", "value"])


class Pass:
    """What a run directory holds of one pass."""

    def __init__(self, folder, manifest):
        self.name = folder.name
        self.manifest = next((p for p in manifest["passes"] or [] if p["name"] == self.name), None)
        if self.manifest and self.manifest["complete"] and not (folder / "records.jsonl").exists():
            raise Unreadable(f"{folder}: no records.jsonl, though the pass is complete")
        self.records = read_records(folder / "records.jsonl")
        self.failed = self.records[self.records["error_class"].notna()]
        whole = self.records["error_class"].isna() & self.records[NEEDED].notna().all(axis=1)
        self.ok = self.records[whole].sort_values("index", kind="stable")
        self.spans = pd.DataFrame(read_lines(folder / "timings.jsonl"), columns=["request_id", "trace_id"] + TIMES)
        self.before = self.after = None
        if self.manifest:
            self.before = read_metrics(folder / "metrics-before.prom")
            self.after = read_metrics(folder / "metrics-after.prom")
        self.counted = self.before is not None and self.after is not None
        audit = folder / "client.json"
        self.audit = read_json(audit) if audit.exists() else None
        self.gpu = read_json(folder / "gpu.json") if (folder / "gpu.json").exists() else None
        self.during = pd.DataFrame(read_lines(folder / "metrics-during.jsonl"), columns=["at_s", "running", "waiting"])

    # The server's counters

    def grown(self, name):
        """By how much a counter grew, over all its series; None when the server does not have it, or it shrank."""
        if not self.counted:
            return None
        begin, end = series_of(self.before, name), series_of(self.after, name)
        if begin.empty or end.empty:
            return None
        by = end["value"].sum() - begin["value"].sum()
        return float(by) if by >= 0 else None

    def grown_int(self, name):
        by = self.grown(name)
        return None if by is None else round(by)

    def cache_hits(self):
        """Prompt tokens from the prefix cache, and from an external cache behind it, which counts apart."""
        hits, apart = self.grown_int("vllm:prefix_cache_hits"), self.grown_int("vllm:external_prefix_cache_hits")
        return hits if hits is None else hits + (apart or 0)

    def finished(self):
        """Finished requests by reason, those of which there were any."""
        if self.grown("vllm:request_success") is None:
            return None
        by_reason = {}
        for sign, sample in ((-1, self.before), (1, self.after)):
            for row in series_of(sample, "vllm:request_success").itertuples():
                reason = row.labels.get("finished_reason", "")
                by_reason[reason] = by_reason.get(reason, 0) + sign * row.value
        return {reason: round(n) for reason, n in by_reason.items() if n > 0}

    def histogram(self, name):
        """Sum in seconds and count of what a histogram observed; None when it cannot be used."""
        seconds, count = self.grown(f"vllm:{name}_sum"), self.grown_int(f"vllm:{name}_count")
        if seconds is None or not count or not plausible(seconds):
            return None
        return seconds, count

    def cache_config(self):
        found = series_of(self.after, "vllm:cache_config_info") if self.counted else pd.DataFrame()
        return {} if found.empty else found.iloc[0]["labels"]


RENAMED = {"vllm:prefix_cache_queries": "vllm:gpu_prefix_cache_queries", "vllm:prefix_cache_hits": "vllm:gpu_prefix_cache_hits"}


def series_of(sample, name):
    """The series of a metric under the first of its spellings that the server uses."""
    for one in (name, RENAMED.get(name, name)):
        for spelling in (one, one + "_total"):
            found = sample[sample["name"] == spelling]
            if not found.empty:
                return found
    return sample.iloc[:0]


def plausible(v):
    return v is not None and 0 <= v <= 1e12


# Distributions


def number(v):
    """A plain float; None for what is not a number."""
    return None if v is None or math.isnan(v) else float(v)


def describe(values):
    """A distribution; an empty one has n = 0 and nothing else."""
    s = pd.Series(values, dtype="float64")
    if s.empty:
        return means_only(0, None)
    p = np.percentile(s, [50, 90, 95, 99])
    return {"n": len(s), "mean": number(s.mean()), "std": number(s.std(ddof=1)), "min": number(s.min()),
            "median": number(p[0]), "p90": number(p[1]), "p95": number(p[2]), "p99": number(p[3]), "max": number(s.max())}


def means_only(n, mean):
    return {"n": n, "mean": mean, "std": None, "min": None, "median": None, "p90": None, "p95": None, "p99": None, "max": None}


# Where the time of a request went


def response_times(p):
    t = p.ok[["server." + t for t in TIMES]].astype("float64")
    return t.set_axis(TIMES, axis=1)


def trace_times(p):
    """Spans joined by trace id, else by request id. Of several that tell different times for one request, none counts."""
    spans, ids = p.spans.copy(), texts(p.spans["trace_id"])
    bare = texts(spans["request_id"]).str.replace(r"^cmpl-(.*?)(-0)?$", r"\1", regex=True)
    spans["key"] = np.where(ids != "", "trace " + ids, "request " + bare)
    spans = spans.drop_duplicates(["key"] + TIMES)
    spans.loc[spans.duplicated("key", keep=False), TIMES] = np.nan
    times = spans.drop_duplicates("key").set_index("key")[TIMES].astype("float64")
    by_trace = "trace " + texts(p.ok["trace_id"])
    key = np.where(by_trace.isin(times.index), by_trace, "request " + texts(p.ok["request_id"]))
    return times.reindex(key).set_axis(p.ok.index)


def texts(column):
    """A column of texts, empty where there is none."""
    return column.astype(object).where(column.notna(), "").astype(str)


def client_times(p):
    prefill, decode = p.ok["first_token_ns"] - p.ok["sent_ns"], p.ok["last_token_ns"] - p.ok["first_token_ns"]
    return pd.DataFrame({"queue_ms": 0.0, "prefill_ms": prefill / 1e6, "decode_ms": decode / 1e6})


PER_REQUEST = {"response": response_times, "trace": trace_times, "client": client_times}


def serves(source, p):
    """Whether a source has the times of all successful requests of a pass."""
    if p.ok.empty:
        return True
    if source == "histogram":
        h = p.histogram("request_prefill_time_seconds")
        return h is not None and h[1] == len(p.ok)
    times = PER_REQUEST[source](p)
    return bool(((times >= 0) & (times <= 1e12)).all(axis=None))  # false for what is not there


def choose_source(manifest, passes):
    wanted = manifest.get("timings", {}).get("wanted")
    allowed = SOURCES[SOURCES.index(wanted):] if wanted in SOURCES else SOURCES
    if all(p.ok.empty for p in passes):
        return "client"
    return next(s for s in allowed if all(serves(s, p) for p in passes))


def time_figures(source, p):
    """The distributions that depend on the source."""
    if source == "histogram":
        return histogram_figures(p)
    t, tokens = PER_REQUEST[source](p), p.ok["completion_tokens"]
    several, some = tokens > 1, tokens > 0
    return {
        "ttft_ms": describe(t["prefill_ms"]),
        "queue_ms": describe([] if source == "client" else t["queue_ms"]),
        "decode_ms": describe(t["decode_ms"]),
        "tpot_ms": describe(t["decode_ms"][several] / (tokens[several] - 1)),
        "tpot_sqzb_ms": describe(t["decode_ms"][some] / tokens[some]),
    }


def histogram_figures(p):
    lengths = p.ok["completion_tokens"]
    n = len(lengths)

    def mean(h, over=None, shown=None):
        if h is None or h[1] != n or (over or h[1]) <= 0:
            return means_only(0, None)
        return means_only(shown or over or n, h[0] * 1e3 / (over or n))

    decode = p.histogram("request_decode_time_seconds")
    several = int((lengths > 1).sum())
    tpot = p.histogram("request_time_per_output_token_seconds") if several else None
    same = int(lengths.iloc[0]) if lengths.nunique() == 1 else 0
    figures = {
        "ttft_ms": mean(p.histogram("request_prefill_time_seconds")),
        "queue_ms": mean(p.histogram("request_queue_time_seconds")),
        "decode_ms": mean(decode),
        "tpot_ms": mean(tpot, several),
        "tpot_sqzb_ms": mean(decode, same * n, n) if same > 0 else means_only(0, None),
    }
    if same > 1 and figures["tpot_ms"]["n"] == 0:
        figures["tpot_ms"] = mean(decode, (same - 1) * n, n)
    return figures


def measured_generation(source, p):
    """Seconds in which any request was between its first and its last token: the length of the union of these spans."""
    if source == "histogram" or p.ok.empty:
        return None
    t = PER_REQUEST[source](p)
    begin = p.ok["sent_ns"] / 1e6 + t["queue_ms"] + t["prefill_ms"]
    spans = pd.DataFrame({"begin": begin, "end": begin + t["decode_ms"]}).sort_values(["begin", "end"])
    covered = spans["end"].cummax().shift(fill_value=-np.inf)
    total = (spans["end"] - np.maximum(spans["begin"], covered)).clip(lower=0).sum()
    return float(total) / 1e3 if total > 0 else None


# The client's view


def client_figures(p):
    ok = p.ok
    tokens = ok["completion_tokens"]
    several = tokens > 1
    gaps = ok["chunk_deltas_us"].explode().dropna().astype("float64") / 1e3
    icl = describe(gaps)
    return {
        "client_ttft_ms": describe((ok["first_token_ns"] - ok["sent_ns"]) / 1e6),
        "client_tpot_ms": describe(((ok["last_token_ns"] - ok["first_token_ns"]) / 1e6 / (tokens - 1))[several]),
        "icl_ms": icl,
        "itl_ms": icl if len(ok) and (ok["chunks"] == tokens).all() and not several_tokens(ok) else None,
        "icl_spikes": int((gaps > 4 * icl["median"]).sum()) if icl["n"] else None,
        "e2el_ms": describe((ok["last_token_ns"] - ok["sent_ns"]) / 1e6),
        "schedule_lag_ms": describe((ok["sent_ns"] - ok["due_ns"]) / 1e6),
    }


def several_tokens(records):
    """Whether any chunk is known to have carried another number of tokens than one."""
    return bool((records["chunk_tokens"].explode().dropna() != 1).any())


# The client itself


def client_audit(p):
    audit, ok = p.audit, p.ok
    if audit is None:
        return None
    kernel = audit["stamps"] == "kernel"
    lags = ok["chunk_lags_us"].explode().dropna().astype("float64") if kernel else audit.get("wakes_us", [])
    chunks, coalesced = int(ok["chunks"].sum()), int(ok["coalesced"].fillna(0).sum())
    wait, wall = audit["wait_s"], audit["wall_s"] * audit["cores"]
    return {
        "stamps": audit["stamps"],
        "lag_ms": describe(pd.Series(lags, dtype="float64") / 1e3),
        "unstamped_chunks": chunks - len(lags) if kernel else None,
        "coalesced_chunks": coalesced,
        "coalesced_share": coalesced / chunks if chunks else None,
        "intended_rate_req_s": arrival_rate(p.records["scheduled_ns"], p.records["scheduled_ns"]),
        "achieved_rate_req_s": arrival_rate(p.records["sent_ns"], p.records["scheduled_ns"]),
        "cpu_share": audit["cpu_s"] / wall if wall > 0 else None,
        "cores": audit["cores"],
        "cpu_us_per_chunk": audit["cpu_s"] * 1e6 / chunks if chunks else None,
        "wait_ms": wait * 1e3 / audit["turns"] if audit["turns"] else None,
        "gc_count": audit["gc_count"],
        "gc_pause_ms": audit["gc_pause_s"] * 1e3,
        "gc_pause_max_ms": audit["gc_pause_max_s"] * 1e3,
    } | {key: audit[key] for key in ("busy_share", "steal_share", "tcp_retransmits", "connections", "clock_steps")}


def arrival_rate(instants, scheduled):
    """Requests per second between the first and the last; None where the schedule has all of them at once."""
    instants = instants.dropna()
    if scheduled.nunique() < 2 or len(instants) < 2 or instants.max() <= instants.min():
        return None
    return (len(instants) - 1) / float((instants.max() - instants.min()) / 1e9)


def makespan(p):
    """First request sent, whatever became of it, to last response complete; seconds."""
    if p.ok.empty:
        return None
    return float(p.ok["done_ns"].max() - p.records["sent_ns"].min()) / 1e9


def ratio(amount, seconds):
    return amount / seconds if amount is not None and seconds is not None and seconds > 0 else None


def totals(source, full, summarization):
    some = not full.ok.empty
    prompt = int(full.ok["prompt_tokens"].sum()) if some else None
    generated = int(full.ok["completion_tokens"].sum()) if some else None
    whole, prefill = makespan(full), makespan(summarization)
    derived = whole - prefill if whole is not None and prefill is not None and whole > prefill else None
    measured = measured_generation(source, full)
    return {
        "total_input_tokens": prompt,
        "total_generated_tokens": generated,
        "end_to_end_latency_s": whole,
        "summarization_latency_s": prefill,
        "generation_latency_s": derived,
        "summarization_throughput_tok_s": ratio(prompt, prefill),
        "end_to_end_throughput_tok_s": ratio(generated, whole),
        "generation_throughput_tok_s": ratio(generated, derived),
        "request_throughput_req_s": ratio(len(full.ok) or None, whole),
        "measured_generation_latency_s": measured,
        "measured_generation_throughput_tok_s": ratio(generated, measured),
        "mean_running_batch": ratio(full.grown_int("vllm:generation_tokens"), full.grown_int("vllm:iteration_tokens_total_count")),
    }


# Counts, proof, phases


def requests(p):
    if p.manifest is None and p.records.empty:
        return None
    return {"planned": p.manifest["requests"] if p.manifest else 0, "successful": len(p.records) - len(p.failed),
            "failed": len(p.failed), "errors": {k: int(n) for k, n in p.failed["error_class"].value_counts().items()}}


def proof(p):
    census = (p.manifest or {}).get("census")
    if not p.counted and not census:
        return None
    census, cache = census or {}, p.cache_config()
    blocks, size = label_int(cache, "num_gpu_blocks"), label_int(cache, "block_size")
    finished = p.finished()
    figures = {
        "finished_requests": None if finished is None else sum(finished.values()),
        "finished": finished,
        "prompt_tokens": p.grown_int("vllm:prompt_tokens"),
        "generation_tokens": p.grown_int("vllm:generation_tokens"),
        "prefix_cache_queries": p.grown_int("vllm:prefix_cache_queries"),
        "prefix_cache_hits": p.cache_hits(),
        "cached_tokens": int(p.ok["cached_tokens"].sum()) if len(p.ok) and p.ok["cached_tokens"].notna().all() else None,
        "max_cached_tokens": census.get("max_cached_tokens"),
        "duplicate_rows": census.get("duplicate_rows"),
        "block_size": size or census.get("block_size"),
        "prefix_caching": {"True": True, "False": False}.get(cache.get("enable_prefix_caching")),
        "preemptions": p.grown_int("vllm:num_preemptions"),
        "kv_cache_tokens": label_int(cache, "kv_cache_size_tokens") or blocks * size or None,
    }
    # A sample stands for the time since the one before it.
    weights = np.diff(p.during["at_s"], prepend=0)
    for gauge in ("running", "waiting"):
        some = p.counted and len(p.during)
        figures[gauge + "_mean"] = float(np.average(p.during[gauge], weights=weights)) if some else None
        figures[gauge + "_max"] = float(p.during[gauge].max()) if some else None
    return figures


def gpus(passes):
    """What each GPU did, by the samples in gpu.json; None where no GPU is known."""
    figures = {p.name: [gpu(g, p.gpu["samples"] or []) for g in known_gpus(p.gpu)] or None for p in passes}
    return figures if any(figures.values()) else None


def known_gpus(record):
    if record is None:
        return []
    return (record["after"] if record["before"] is None else record["before"]) or []


def gpu(state, samples):
    """The figures of one GPU. A sample stands for the time since the one before it, also one that does not tell a value."""
    rows = [r | {"weight": weight} for sample, weight in zip(samples, np.diff([s["at_s"] for s in samples], prepend=0))
            for r in sample["gpus"] or [] if r["uuid"] == state["uuid"]]
    values = ["power_w", "sm_clock_mhz", "temperature_c", "memory_used_mib", "utilization_pct"]
    seen = pd.DataFrame(rows, columns=["weight"] + values, dtype="float64")
    seen[values] = seen[values].where((seen[values] >= 0) & (seen[values] <= 1e12))
    told = pd.DataFrame([r["throttle"] or {} for r in rows], dtype=object)
    share = {reason: float(told[reason].dropna().astype(bool).mean()) for reason in told.columns}

    def mean(name):
        some = seen[seen[name].notna()]
        return float(np.average(some[name], weights=some["weight"])) if len(some) else None

    return {
        "index": state["index"], "name": state.get("name", ""), "uuid": state["uuid"], "samples": len(rows),
        "power_mean_w": mean("power_w"), "power_max_w": number(seen["power_w"].max()),
        "sm_clock_mean_mhz": mean("sm_clock_mhz"), "temperature_max_c": number(seen["temperature_c"].max()),
        "memory_used_max_mib": number(seen["memory_used_mib"].max()), "utilization_mean_pct": mean("utilization_pct"),
        "throttled": {reason: v for reason, v in share.items() if v > 0} if len(told.columns) else None,
    }


def label_int(labels, name):
    """0 for what is not a number, such as None."""
    text = labels.get(name, "")
    return int(text) if text.isdigit() else 0


def phases(manifest, passes):
    figures, own = {}, manifest.get("total_s")
    for p in passes:
        took = p.manifest["phases"] if p.manifest else None
        keys = ("start_s", "warmup_s", "pass_s", "stop_s")
        figures[p.name] = None if took is None else {key: took.get(key) for key in keys}
        if own and took:
            own -= sum(took.get(key, 0) for key in keys)
    return figures | {"total_s": manifest.get("total_s"), "own_s": own}


# The whole


def recompute(run):
    """All of summary.json but the texts of reasons and notes, and the verdict that the reasons lead to."""
    manifest = read_json(run / "manifest.json")
    if manifest.get("schema") != SCHEMA:
        raise Unreadable(f"{run}: schema {manifest.get('schema')}; this script knows {SCHEMA}")
    full, summarization = passes = [Pass(run / name, manifest) for name in PASSES]
    source = choose_source(manifest, passes)
    s = totals(source, full, summarization)
    late = manifest["load"]["last_arrival_s"]
    of_summarization = time_figures(source, summarization) | client_figures(summarization)
    return {key: manifest[key] for key in ("schema", "name", "run_id", "started", "model")} | s | {
        "partial": not all(p.manifest and p.manifest["complete"] for p in passes),
        "thresholds": NO_THRESHOLDS | manifest["thresholds"],
        "arrival_bound": s["summarization_latency_s"] is not None and late > s["summarization_latency_s"] / 2,
        "ttft_source": source,
        "summarization": {key: of_summarization[key] for key in
                          ("ttft_ms", "queue_ms", "client_ttft_ms", "e2el_ms", "schedule_lag_ms")},
        "requests": {p.name: requests(p) for p in passes},
        "client": {p.name: client_audit(p) for p in passes},
        "proof": {p.name: proof(p) for p in passes},
        "gpus": gpus(passes),
        "phases": phases(manifest, passes),
        "dataset": manifest["dataset"] if any(manifest["dataset"].values()) else None,
        "load": manifest["load"] if manifest["load"]["request_rate"] else None,
        "server": full.manifest["server"] or None if full.manifest else None,
        "timings": manifest.get("timings"),
    } | time_figures(source, full) | client_figures(full)


def check_arrivals(run):
    """Yields what in the manifest's load does not fit the schedule of a pass that is complete."""
    manifest = read_json(run / "manifest.json")
    load = manifest["load"]
    if ("ramp" in load) != (load["request_rate"] == "ramp"):
        yield f"load: request_rate {load['request_rate']}, ramp {load.get('ramp')}"
    for p in (p for p in manifest["passes"] or [] if p["complete"]):
        due = read_records(run / p["name"] / "records.jsonl")["scheduled_ns"] / 1e9
        if not math.isclose(due.max(), load["last_arrival_s"], rel_tol=TOLERANCE):
            yield f"load.last_arrival_s: {load['last_arrival_s']}, in the {p['name']} pass {due.max()}"
        if due.max() >= load.get("duration_s", math.inf):
            yield f"load.duration_s: {load['duration_s']}, in the {p['name']} pass a request was due at {due.max()}"


def check_reasons(summary):
    """Takes reasons, notes and verdict out of a summary, and yields what does not fit in them."""
    weights = {"invalid": 2, "suspect": 1}
    severities = []
    for reason in summary.pop("reasons"):
        if set(reason) != {"rule", "severity", "text"} or reason["severity"] not in weights or not reason["text"]:
            yield f"reasons: {reason}"
        severities.append(weights.get(reason.get("severity"), 0))
    for note in summary.pop("notes"):
        if set(note) != {"rule", "text"} or not note["text"]:
            yield f"notes: {note}"
    if severities != sorted(severities, reverse=True):
        yield "reasons: not the weightiest first"
    want = {2: "invalid", 1: "suspect", 0: "valid"}[max(severities, default=0)]
    if (got := summary.pop("verdict")) != want:
        yield f"verdict: {got}, and the reasons make it {want}"


class Comparison:
    """Holds a recomputed value against one of summary.json, and counts the numbers."""

    def __init__(self):
        self.numbers = 0
        self.differences = []

    def differ(self, path, want, got):
        self.differences.append(f"{path}: {got!r} in summary.json, recomputed {want!r}")

    def compare(self, want, got, path=""):
        if isinstance(want, dict) and isinstance(got, dict):
            for key in want.keys() | got.keys():
                inner = f"{path}.{key}" if path else key
                if key not in got:
                    self.differences.append(f"{inner}: missing in summary.json")
                elif key not in want:
                    self.differences.append(f"{inner}: in summary.json, and this script does not know it")
                else:
                    self.compare(want[key], got[key], inner)
        elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
            for i, pair in enumerate(zip(want, got)):
                self.compare(*pair, f"{path}.{i}")
        elif is_number(want) and is_number(got):
            self.numbers += 1
            exact = isinstance(want, int) and isinstance(got, int)
            if not (want == got if exact else math.isclose(want, got, rel_tol=TOLERANCE)):
                self.differ(path, want, got)
        elif type(want) is not type(got) or want != got:
            self.differ(path, want, got)


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def check(run):
    """What differs, and how many numbers were compared."""
    summary = read_json(run / "summary.json")
    if missing := {"reasons", "notes", "verdict"} - summary.keys():
        return [f"{key}: missing in summary.json" for key in sorted(missing)], 0
    flaws = list(check_reasons(summary)) + list(check_arrivals(run))
    c = Comparison()
    c.compare(recompute(run), summary)
    return flaws + sorted(c.differences), c.numbers


def main(args):
    if not args or any(a.startswith("-") for a in args):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    status = 0
    for arg in args:
        try:
            differences, numbers = check(Path(arg))
        except (Unreadable, OSError) as e:
            print(f"{arg}: cannot be read: {e}", file=sys.stderr)
            return 2
        if differences:
            status = 1
            print(f"{arg}: {len(differences)} differences:\n  " + "\n  ".join(differences))
        else:
            print(f"{arg}: {numbers} numbers agree")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
