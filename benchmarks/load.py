"""Closed-loop load in a process of its own: `python -m benchmarks.load --url …` prints JSON."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.wire import Lane, Meter, StreamLane

MARK = "0123456789abcdef01234567"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--url", required=True, help="whole URL, path included")
    parser.add_argument("--key", default="", help="sent as a bearer token")
    parser.add_argument("--model", default="mock")
    parser.add_argument("--prompt", default="Say something short about bridges.")
    parser.add_argument("--unique", action="store_true", help="no prompt is sent twice")
    parser.add_argument("--stream", action="store_true", help="read server-sent events")
    parser.add_argument("--get", action="store_true", help="GET without a body")
    parser.add_argument("--tier", default="", help="the x-kora-tier every answer must carry")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--requests", type=int, help="how many are measured")
    parser.add_argument("--seconds", type=float, help="or for how long (default 2)")
    parser.add_argument("--warmup", type=int, default=50, help="requests sent before measuring")
    parser.add_argument("--limit", type=float, default=45.0, help="give up after so many seconds")
    return parser.parse_args(given)


def body(plan: argparse.Namespace) -> bytes:
    prompt = f"{plan.prompt} {MARK}" if plan.unique else plan.prompt
    asked: dict[str, Any] = {
        "model": plan.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": 64,
    }
    if plan.stream:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(asked).encode()


def request(plan: argparse.Namespace) -> bytes:
    target = urlsplit(plan.url)
    content = b"" if plan.get else body(plan)
    lines = [
        f"{'GET' if plan.get else 'POST'} {target.path or '/'} HTTP/1.1",
        f"Host: {target.netloc}",
        "User-Agent: kora-bench",
        "Accept: */*",
    ]
    if plan.key:
        lines.append(f"Authorization: Bearer {plan.key}")
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def builder(plan: argparse.Namespace) -> Callable[[], bytes]:
    """Bytes of the next request; a unique prompt costs one join, not one serialisation."""
    whole = request(plan)
    if not plan.unique:
        return lambda: whole
    before, after = whole.split(MARK.encode())
    run, numbers = secrets.token_hex(8), itertools.count()
    return lambda: b"%b%b%08x%b" % (before, run.encode(), next(numbers), after)


async def run(plan: argparse.Namespace) -> dict[str, Any]:
    seconds = plan.seconds or (None if plan.requests else 2.0)
    meter = Meter(warmup=plan.warmup, requests=plan.requests, seconds=seconds, tier=plan.tier)
    target, build = urlsplit(plan.url), builder(plan)
    kind = StreamLane if plan.stream else Lane
    loop = asyncio.get_running_loop()
    for _ in range(plan.concurrency):
        await loop.create_connection(lambda: kind(meter, build), target.hostname, target.port)
    try:
        await asyncio.wait_for(meter.done, plan.limit)
    except TimeoutError:
        meter.errors["not finished in time"] += 1
        meter.done = loop.create_future()
        meter.finish()
    return summary(plan, meter)


def percentile(values: list[float], share: float) -> float | None:
    """Milliseconds from seconds; None where nothing was measured."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def summary(plan: argparse.Namespace, meter: Meter) -> dict[str, Any]:
    wall_s = max(meter.ended_s - meter.began_s, 1e-9)
    found = {
        "concurrency": plan.concurrency,
        "measured": len(meter.took_s),
        "sent": meter.sent,
        "rps": round(len(meter.took_s) / wall_s, 1),
        "p50_ms": percentile(meter.took_s, 0.5),
        "p90_ms": percentile(meter.took_s, 0.9),
        "p99_ms": percentile(meter.took_s, 0.99),
        "errors": dict(meter.errors),
        "tiers": dict(meter.tiers),
        "client_cpu": round((meter.cpu_ended_s - meter.cpu_began_s) / wall_s, 3),
        "overhead_p50_ms": percentile([own / 1000 for own in meter.overhead_ms], 0.5),
    }
    if plan.stream:
        found |= streamed(meter, wall_s)
    return found


def streamed(meter: Meter, wall_s: float) -> dict[str, Any]:
    return {
        "first_p50_ms": percentile(meter.first_s, 0.5),
        "first_p99_ms": percentile(meter.first_s, 0.99),
        "chunks": meter.chunks,
        "chunks_per_s": round(meter.chunks / wall_s, 1),
    }


def main() -> None:
    print(json.dumps(uvloop.run(run(arguments()))))


if __name__ == "__main__":
    main()
