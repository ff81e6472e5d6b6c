"""The breakers of all backends, one state for all processes: told through Redis, read from a copy.

A request reads the copy of its process. Outcomes are told in the background, by compare and set,
so that each change is made once; while Redis is away the copy alone counts, and is told later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing.failover import circuits, failures
from routing.failover.circuits import UNTOUCHED, Circuit
from routing.policy.values import Backend

log = structlog.get_logger(__name__)

KEY = "kora:breakers"
SWAP = """
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if now == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) return {1, ARGV[3]} end
return {0, now}
"""
TRIES = 10
MOST_UNTOLD = 1_000
REST_S = 1.0
"""After a 429 that does not say for how long."""
Change = Callable[[Circuit], Circuit]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    backend_id: int
    change: Change


_circuits: dict[int, Circuit] = {}
_raw: dict[int, bytes] = {}
_reports: list[Report] = []
_ahead: float | None = None
"""The clock of Redis less our own monotonic one: the clocks of machines are not compared."""
_wake: Callable[[], None] = lambda: None  # noqa: E731
_redis: Redis | None = None
CHANGES = Counter("kora_breaker_changes", "Breakers opened and closed.", ["backend", "state"])
"""Each is made, and counted, by one process."""


def now() -> float:
    return time.monotonic() + (time.time() - time.monotonic() if _ahead is None else _ahead)


def of(backend: Backend) -> Circuit:
    """Settings that were changed begin anew: whoever changed them has mended something."""
    known = _circuits.get(backend.backend_id, UNTOUCHED)
    return known if known.version in ("", backend.version) else UNTOUCHED


def state(backend: Backend) -> str:
    known = of(backend)
    return circuits.CLOSED if known is UNTOUCHED else circuits.state(known, now())


def retry_s(backend: Backend) -> float:
    return circuits.retry_s(of(backend), now())


def failed(backend: Backend, failure: str, *, began: float, retry_after_s: float | None) -> None:
    """What an attempt that failed says of its backend; most of KORA's own faults say nothing."""
    at = now()
    if failure in failures.ALIVE:
        well(backend, began=began)
    elif failure == failures.LIMITED:
        rest_s = REST_S if retry_after_s is None else retry_after_s
        _note(backend, lambda c: circuits.limited(c, rest_s, began=began, now=at))
    elif failure in failures.OURS | failures.WELL | {failures.BUSY} | failures.UNASKED:
        undecided(backend)
    else:
        _note(backend, lambda c: circuits.failed(c, failure, began=began, now=at))


def well(backend: Backend, *, began: float) -> None:
    if not of(backend).clean:
        at = now()
        _note(backend, lambda c: circuits.well(c, began=began, now=at))


def undecided(backend: Backend) -> None:
    """A call that was given up: if it was a trial, somebody else may try."""
    if of(backend).trial_until:
        _note(backend, circuits.undecided)


async def enter(backend: Backend) -> bool:
    """Whether this call may be made now; of all who come to one that may be tried, one may."""
    found = state(backend)
    if found != circuits.HALF_OPEN:
        return found == circuits.CLOSED
    won: list[bool] = []

    def take(circuit: Circuit) -> Circuit:
        won.append(circuits.state(circuit, now()) == circuits.HALF_OPEN)
        return circuits.tried(circuit, now()) if won[-1] else circuit

    report = Report(backend_id=backend.backend_id, change=_of_version(backend, take))
    if _redis is None or not await _told(_redis, report):
        _apply(report)
    return won[-1]


def _note(backend: Backend, change: Change) -> None:
    report = Report(backend_id=backend.backend_id, change=_of_version(backend, change))
    _apply(report)
    _reports.append(report)
    del _reports[:-MOST_UNTOLD]
    _wake()


def _of_version(backend: Backend, change: Change) -> Change:
    def changed(circuit: Circuit) -> Circuit:
        fresh = circuit.version != backend.version
        return change(Circuit(version=backend.version, name=backend.name) if fresh else circuit)

    return changed


def _apply(report: Report) -> None:
    before = _circuits.get(report.backend_id, UNTOUCHED)
    _circuits[report.backend_id] = report.change(before)


async def tell(redis: Redis) -> None:
    """All that has happened here since the last time; what cannot be told now is told later."""
    while _reports:
        if not await _told(redis, _reports[0]):
            return
        _reports.pop(0)


async def _told(redis: Redis, report: Report) -> bool:
    raw = _raw.get(report.backend_id, b"")
    try:
        for _ in range(TRIES):
            before = circuits.read(raw) if raw else UNTOUCHED
            after = report.change(before)
            written = circuits.write(after)
            if written == raw:
                return True
            done, raw = await swap(redis, report.backend_id, raw, written)
            if done:
                _take_over(report.backend_id, raw)
                _say(before, after)
                return True
    except (RedisError, OSError) as error:
        log.warning("breakers.untold", error=str(error))
        return False
    log.warning("breakers.contended", backend=report.backend_id)
    return True


async def swap(redis: Redis, backend_id: int, before: bytes, after: bytes) -> tuple[bool, bytes]:
    """Whether it was as we thought, and what stands there now."""
    done, raw = await redis.eval(SWAP, 1, KEY, str(backend_id), before, after)
    return bool(done), raw


def _say(before: Circuit, after: Circuit) -> None:
    """What Redis had lost and is told again is no news."""
    if before is not UNTOUCHED and before.is_open != after.is_open:
        word = circuits.OPEN if after.is_open else circuits.CLOSED
        log.warning("breaker.changed", backend=after.name, state=word, why=after.why)
        CHANGES.labels(after.name, word).inc()


def _take_over(backend_id: int, raw: bytes) -> None:
    _raw[backend_id] = raw
    _circuits[backend_id] = circuits.read(raw)


def learn(redis_now: float, stored: dict[bytes, bytes]) -> None:
    """What all processes know, our own news on top. What Redis has lost it is told again."""
    global _ahead
    _ahead = redis_now - time.monotonic()
    found = {int(name): raw for name, raw in stored.items()}
    for backend_id in _raw.keys() - found.keys():
        _raw.pop(backend_id)
        if not _circuits[backend_id].clean:
            _reports.insert(0, _restored(backend_id, _circuits[backend_id]))
    for backend_id, raw in found.items():
        if _raw.get(backend_id) != raw:
            _take_over(backend_id, raw)
    _look_ahead()


def _look_ahead() -> None:
    """What is not told yet counts here already."""
    for backend_id in {report.backend_id for report in _reports}:
        raw = _raw.get(backend_id)
        _circuits[backend_id] = circuits.read(raw) if raw else UNTOUCHED
    for report in _reports:
        _apply(report)


def _restored(backend_id: int, known: Circuit) -> Report:
    return Report(backend_id=backend_id, change=lambda c: known if c is UNTOUCHED else c)


def everything() -> dict[str, Circuit]:
    """By backend's name."""
    return {known.name: known for known in list(_circuits.values())}


def open_wire(redis: Redis, wake: Callable[[], None]) -> None:
    global _redis, _wake
    _redis, _wake = redis, wake


def close_wire() -> None:
    global _redis, _wake
    _redis, _wake = None, lambda: None


def forget() -> None:
    _circuits.clear()
    _raw.clear()
    _reports.clear()
