"""A bare `litellm.acompletion` loop in a process of its own: the library without any gateway."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import secrets
import time
from typing import Any

import uvloop

from benchmarks.load import percentile

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm


class Loop:
    """`concurrency` callers that each ask again when answered."""

    def __init__(self, api_base: str, seconds: float, warmup: int) -> None:
        self.api_base, self.seconds, self.warmup = api_base, seconds, warmup
        self.run, self.numbers = secrets.token_hex(8), itertools.count()
        self.took_s: list[float] = []
        self.began_s, self.cpu_began_s = time.perf_counter(), time.process_time()
        self.answered = 0
        self.errors = 0

    async def call(self) -> None:
        began_s = time.perf_counter()
        await litellm.acompletion(
            model="openai/mock",
            api_base=self.api_base,
            api_key="sk-mock",
            messages=[{"role": "user", "content": f"Bridges? {self.run}{next(self.numbers):08x}"}],
            temperature=0,
            max_tokens=64,
        )
        self.book(time.perf_counter() - began_s)

    def book(self, took_s: float) -> None:
        self.answered += 1
        if self.answered == self.warmup:
            self.began_s, self.cpu_began_s = time.perf_counter(), time.process_time()
        elif self.answered > self.warmup:
            self.took_s.append(took_s)

    async def lane(self) -> None:
        while (
            self.answered < self.warmup or time.perf_counter() - self.began_s < self.seconds
        ) and self.errors < 20:
            try:
                await self.call()
            except Exception as error:
                self.errors += 1
                print(json.dumps({"error": str(error)[:300]}), flush=True)


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    loop = Loop(given.api_base, given.seconds, given.warmup)
    await asyncio.gather(*(loop.lane() for _ in range(given.concurrency)))
    wall_s = time.perf_counter() - loop.began_s
    cpu_s = time.process_time() - loop.cpu_began_s
    return {
        "concurrency": given.concurrency,
        "measured": len(loop.took_s),
        "sent": loop.answered,
        "rps": round(len(loop.took_s) / wall_s, 1),
        "p50_ms": percentile(loop.took_s, 0.5),
        "p90_ms": percentile(loop.took_s, 0.9),
        "p99_ms": percentile(loop.took_s, 0.99),
        "errors": {"call failed": loop.errors} if loop.errors else {},
        "client_cpu": round(cpu_s / wall_s, 3),
        "own_cpu_ms": round(cpu_s * 1000 / max(len(loop.took_s), 1), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.litellm_loop", description=__doc__)
    parser.add_argument("--api-base", default="http://127.0.0.1:9100/v1")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--warmup", type=int, default=50)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
