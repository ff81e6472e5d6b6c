"""What a KORA under load looks like from beside it: its memory, and one breaker's state."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from benchmarks import processes
from routing.failover import circuits

EVERY_S = 0.2
KEY = "kora:breakers"
MEMORY_EVERY_S = 5.0
WATCHED = ("web", "cloud worker", "local worker", "background worker")


@dataclass(kw_only=True)
class Watch:
    """Of one KORA while its block runs; times are those of the monotonic clock.

    The breaker is read where all processes read it, so that a busy one does not hide it.
    """

    pid: int
    redis_url: str
    backend: str
    memory: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    changes: list[tuple[float, bool]] = field(default_factory=list)
    """When the breaker was seen to open (True) and to close."""

    async def run(self) -> None:
        is_open, memory_at_s = False, 0.0
        with redis.Redis.from_url(self.redis_url) as client:
            while True:
                now_s = time.monotonic()
                seen = await asyncio.to_thread(self._look, client)
                if seen != is_open:
                    is_open = seen
                    self.changes.append((time.monotonic(), is_open))
                if now_s - memory_at_s >= MEMORY_EVERY_S:
                    memory_at_s = now_s
                    self.memory.append((now_s, await asyncio.to_thread(resident_mb, self.pid)))
                await asyncio.sleep(EVERY_S)

    def _look(self, client: redis.Redis) -> bool:
        stored: Any = client.hgetall(KEY)
        circuits_now = [circuits.read(raw) for raw in stored.values()]
        return any(each.is_open for each in circuits_now if each.name == self.backend)

    def opened_after(self, at_s: float) -> float | None:
        return next((when for when, is_open in self.changes if is_open and when >= at_s), None)

    def closed_for_good_after(self, at_s: float) -> float | None:
        """The last change counts: a breaker that is open at the end never closed."""
        later = [each for each in self.changes if each[0] >= at_s]
        if not later:
            return at_s if not (self.changes and self.changes[-1][1]) else None
        when, is_open = later[-1]
        return None if is_open else when

    def memory_at(self, share: float) -> Mapping[str, float]:
        """By process, at that share of the time."""
        place = min(int(share * len(self.memory)), len(self.memory) - 1)
        return self.memory[place][1]


def resident_mb(root: int) -> dict[str, float]:
    """By name, added up where there are several."""
    found: dict[str, float] = defaultdict(float)
    for pid, name in processes.tree(root).items():
        if name in WATCHED:
            found[name] += _resident_mb(pid)
    return {name: round(mb, 1) for name, mb in found.items()}


def _resident_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024
