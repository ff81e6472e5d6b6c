"""What workers of our own models say of their queues, read from heartbeats and added up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.local.words import Gauges
from routing import bus, loads
from routing.loads import Load

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
SILENT_S = 2.0
"""A worker whose heartbeat has not moved for so long is not counted, though its key still lives:
clocks of machines are not compared."""
UNREADABLE = (RedisError, OSError, ValueError, KeyError, TypeError)
KNOWN_FOR_S = 2.0
"""Without a look at Redis for so long nothing is known of any model."""
STATES = ("ready", "loading", "not loaded", "failed", "taken-out")
"""From good to bad: what is said of a model is the best that a worker says of it in any setting. A
backend whose own options are wrong learns it from its own calls."""
GIVEN_UP = frozenset({"failed", "taken-out"})
NAMES = frozenset(each.name for each in fields(Gauges))


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """One worker's newest heartbeat, and when it was first seen on our clock."""

    number: int
    seen_at: float
    models: tuple[Gauges, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    looked_at: float = 0.0
    alive: bool = False
    beats: Mapping[str, Beat] = field(default_factory=dict)
    """Silent workers too: forgotten, each look would take them for new."""
    models: Mapping[str, Gauges] = field(default_factory=dict)


_now = Snapshot()


def of(model: str) -> Load:
    """By the reference that the backend names; a bare name means whichever variant is loaded."""
    if time.monotonic() - _now.looked_at > KNOWN_FOR_S:
        return loads.UNKNOWN
    if not _now.alive:
        return Load(served=False)
    return load_in(_now.models.values(), model)


def everything() -> Iterable[Gauges]:
    fresh = time.monotonic() - _now.looked_at <= KNOWN_FOR_S
    return list(_now.models.values()) if fresh else []


def load_in(said: Iterable[Gauges], model: str) -> Load:
    found = _find(said, model)
    return load_of(together(found)) if found else loads.UNKNOWN


def given_up(said: Iterable[Gauges], model: str, setting: str) -> bool:
    """In this very setting, however well it does in others."""
    return any(g.state in GIVEN_UP and g.setting == setting for g in _find(said, model))


def _find(said: Iterable[Gauges], model: str) -> list[Gauges]:
    """By the reference that a backend names, which may leave the variant open."""
    named = [g for g in said if model in {g.model, g.model.partition(":")[0]}]
    return [g for g in named if g.model == named[0].model]


def load_of(said: Gauges) -> Load:
    ready = said.state == "ready"
    return Load(
        served=said.state not in GIVEN_UP,
        places=said.slots + said.bound - said.running - said.waiting if ready else None,
        wait_s=said.wait_s,
        prefill_tps=said.prefill_tps,
        decode_tps=said.decode_tps,
        threads=said.threads,
    )


async def watch(redis: Redis) -> None:
    """Runs in the web process; while Redis is away, what was known grows old."""
    while True:
        try:
            await look(redis)
        except UNREADABLE as error:
            log.warning("gauges.unreadable", error=str(error))
            await asyncio.sleep(bus.PAUSE_AFTER_TROUBLE_S)
        await asyncio.sleep(LOOK_EVERY_S)


async def look(redis: Redis) -> None:
    global _now
    pattern = bus.worker_key("local.*")
    names = [name async for name in redis.scan_iter(match=pattern, count=1000)]
    states = await redis.mget(names) if names else []
    told = {name.decode(): state for name, state in zip(names, states, strict=True) if state}
    found = {name: orjson.loads(state) for name, state in told.items()}
    _now = taken(found, _now.beats, time.monotonic())


def forget() -> None:
    global _now
    _now = Snapshot()


def taken(states: Mapping[str, Any], before: Mapping[str, Beat], now: float) -> Snapshot:
    """What this look says; a worker that is silent for too long is left out (pure)."""
    beats = {name: _beat(state, before.get(name), now) for name, state in states.items()}
    alive = [beat for beat in beats.values() if now - beat.seen_at <= SILENT_S]
    said: dict[str, list[Gauges]] = {}
    for gauges in (each for beat in alive for each in beat.models):
        said.setdefault(gauges.model, []).append(gauges)
    models = {name: together(each) for name, each in said.items()}
    return Snapshot(looked_at=now, alive=bool(alive), beats=beats, models=models)


def together(said: list[Gauges]) -> Gauges:
    """One model in several workers: room adds up, and a call goes where it waits least."""
    best = min(said, key=lambda each: _rank(each.state))
    ready = [each for each in said if each.state == "ready"] or [best]
    return replace(
        best,
        slots=sum(each.slots for each in ready),
        running=sum(each.running for each in ready),
        waiting=sum(each.waiting for each in ready),
        bound=sum(each.bound for each in ready),
        prefill_tps=max(each.prefill_tps for each in ready),
        decode_tps=max(each.decode_tps for each in ready),
        wait_s=min(each.wait_s for each in ready),
    )


def _rank(state: str) -> int:
    return STATES.index(state if state in STATES else "loading")


def _beat(state: Mapping[str, Any], before: Beat | None, now: float) -> Beat:
    number = int(state.get("beat", 0))
    unmoved = before is not None and before.number == number
    seen_at = before.seen_at if before is not None and unmoved else now
    models = tuple(_gauges(each) for each in state.get("models", ()))
    return Beat(number=number, seen_at=seen_at, models=models)


def _gauges(said: Mapping[str, Any]) -> Gauges:
    """A worker of another release may say more, or call a state by another word."""
    known = {name: value for name, value in said.items() if name in NAMES}
    state = known["state"] if known["state"] in STATES else "loading"
    return Gauges(**{**known, "state": state})
