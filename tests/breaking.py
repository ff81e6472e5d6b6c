"""Breakers of a running KORA, closed by force: tests break more than recovers by itself."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis

from routing.failover import breakers, circuits
from routing.failover.circuits import Circuit

KNOWN_WITHIN_S = 0.6


def forgive(redis_url: str) -> None:
    """Each backend as if it had never failed, in every process."""
    with Redis.from_url(redis_url) as store:
        stored: Any = store.hgetall(breakers.KEY)
        known = {name: circuits.read(raw) for name, raw in stored.items()}
        marked = {name: each for name, each in known.items() if not each.clean or each.rest_until}
        for name, each in marked.items():
            well = Circuit(version=each.version, name=each.name, changed_at=_now(store))
            store.hset(breakers.KEY, name, circuits.write(well))
    if marked:
        time.sleep(KNOWN_WITHIN_S)


def _now(store: Redis) -> float:
    seconds, micros = store.time()
    return seconds + micros / 1e6
