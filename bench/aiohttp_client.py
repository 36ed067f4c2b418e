#!/usr/bin/env python3
"""A load client on aiohttp, modelled on what vLLM's benchmark does: a session of as many connections as streams, each
response read chunk by chunk, events cut out of a text buffer and decoded with json, time taken by perf_counter.

    aiohttp_client.py --url URL --streams N --tokens N [--prompt-tokens N] [--rate N] --output FILE

FILE gets, as JSON, what bench/clients.py reads of every tool: ids, ttfts and itls in seconds (a list for each request), and
cpu_s, the processor time from the first request to the last response.
"""

import argparse
import asyncio
import json
import random
import time

import aiohttp

PREFIX = "aiohttp-"


class Events:
    """Cuts a stream into the data of its events."""

    def __init__(self):
        self.buffer = ""

    def feed(self, chunk):
        self.buffer += chunk.decode()
        *whole, self.buffer = self.buffer.split("\n\n")
        for event in whole:
            if event.startswith("data: "):
                yield event.removeprefix("data: ")


async def complete(session, url, body, request_id, delay):
    """Returns ttft and itls of one request that is sent after a delay."""
    await asyncio.sleep(delay)
    ttft, itls = 0.0, []
    events = Events()
    latest = started = time.perf_counter()
    async with session.post(url, json=body, headers={"X-Request-Id": request_id}) as response:
        response.raise_for_status()
        async for chunk in response.content.iter_any():
            for data in events.feed(chunk):
                if data == "[DONE]" or not json.loads(data).get("choices"):
                    continue
                now = time.perf_counter()
                if not ttft:
                    ttft = now - started
                else:
                    itls.append(now - latest)
                latest = now
    return ttft, itls


async def run(args):
    rng = random.Random(args.streams)
    bodies = [{"model": args.model, "prompt": [rng.randrange(128_000) for _ in range(args.prompt_tokens)],
               "max_tokens": args.tokens, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}
              for _ in range(args.streams)]
    connector = aiohttp.TCPConnector(limit=args.streams, limit_per_host=args.streams, force_close=False)
    timeout = aiohttp.ClientTimeout(total=6 * 60 * 60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        before = time.process_time()
        results = await asyncio.gather(*(complete(session, args.url + "/v1/completions", body, PREFIX + str(i), i / args.rate)
                                         for i, body in enumerate(bodies)), return_exceptions=True)
        cpu = time.process_time() - before
    good = {PREFIX + str(i): r for i, r in enumerate(results) if not isinstance(r, BaseException)}
    return {"ids": list(good), "ttfts": [r[0] for r in good.values()], "itls": [r[1] for r in good.values()],
            "failed": args.streams - len(good), "cpu_s": cpu}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", default="metronome")
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--prompt-tokens", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=2000, help="requests a second")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    result = asyncio.run(run(args))
    with open(args.output, "w", encoding="utf-8") as out:
        json.dump(result, out)


if __name__ == "__main__":
    main()
