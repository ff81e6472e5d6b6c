"""The same through a whole KORA: requests a second, and the memory of its web process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import kora
from benchmarks.embed import texts
from benchmarks.embed.callers import CALLERS
from inference.embeddings import minilm

LONG_LISTS = 4


def measure(folder: Path, number: int) -> dict[str, Any]:
    with kora.serving(folder, backends=()) as serving:
        web = json.loads((kora.home_in(folder) / "run" / "processes.json").read_text())["web"]
        found = asyncio.run(_asked(serving, number))
        return {**found, "web_rss_mb": _resident_mb(web), "web_peak_mb": _peak_mb(web)}


async def _asked(serving: kora.Kora, number: int) -> dict[str, Any]:
    asked = iter(texts.questions(2 * number + 100))
    headers = {"authorization": f"Bearer {serving.key}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(given: Any) -> float:
            began = time.perf_counter()
            body = {"model": minilm.NAME, "input": given, "encoding_format": "base64"}
            async with session.post(f"{serving.url}/v1/embeddings", json=body) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"KORA answered {answer.status}: {await answer.text()}")
            return (time.perf_counter() - began) * 1000

        async def caller(times: int) -> None:
            for _ in range(times):
                await ask(next(asked))

        await caller(20)
        began = time.perf_counter()
        walls = [await ask(next(asked)) for _ in range(number)]
        serial_s = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.gather(*(caller(number // CALLERS) for _ in range(CALLERS)))
        together_s = time.perf_counter() - began
        for _ in range(LONG_LISTS):
            await ask([" ".join(texts.WORDS * 10)] * 64)
        return {
            "serial_s": number / serial_s,
            "together_s": number // CALLERS * CALLERS / together_s,
            "p50_ms": texts.middle(walls, 0.5),
            "p99_ms": texts.middle(walls, 0.99),
        }


def _resident_mb(pid: int) -> float:
    return _status_mb(pid, "VmRSS")


def _peak_mb(pid: int) -> float:
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(name))
    return round(int(found.split()[1]) / 1024, 1)
