"""Counts what requests take of their limits, for all web processes in Redis."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing.fairness import scripts, values
from routing.fairness.alone import Alone
from routing.fairness.values import Scope, Taken

log = structlog.get_logger(__name__)

LEASE_S = 15.0
"""How long a slot outlives the process that took it."""
RENEW_EVERY_S = LEASE_S / 3
PATIENCE_S = 0.5
NOWHERE = "redis://127.0.0.1:1/0"
ALONE_FOR_S = 1.0
"""After Redis could not be asked, this process counts alone for a moment."""


class Meter:
    """One for each web process; its threads share the connections."""

    def __init__(self) -> None:
        self._redis = redis.Redis.from_url(
            settings.SERVICES.redis_url or NOWHERE,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
        )
        self._admit = self._redis.register_script(scripts.ADMIT)
        self._alone = Alone()
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._running: dict[str, tuple[str, ...]] = {}

    def admit(self, scopes: tuple[Scope, ...], tokens: int, known_by: str = "") -> Taken:
        """Takes of all limits at once, or says which is reached; one trip to Redis. `known_by` is
        what the request is found by when it comes again at its promised moment."""
        lease, asked = values.new_lease(), values.asked(scopes, tokens)
        said = self._ask(scopes, lease, known_by, asked)
        alone = said is None
        if said is None:
            with self._lock:
                names = [scope.names for scope in scopes]
                said = self._alone.admit(names, asked, lease, _now_ms(), known_by=known_by)
        taken = values.read(said, lease, scopes, tokens)
        taken.alone, taken.known_by = alone, known_by
        if taken.has_slots and not alone:
            self._running[lease] = _slots(scopes)
        return taken

    def _ask(
        self, scopes: Sequence[Scope], lease: str, known_by: str, asked: list[int]
    ) -> list[int] | None:
        if time.monotonic() < self._not_before:
            return None
        names = [name for scope in scopes for name in scope.names]
        args: list[str | int] = [lease, int(LEASE_S * 1000), known_by, *asked]
        try:
            said: Any = self._admit(keys=names, args=args)
        except (RedisError, OSError) as error:
            log.warning("meter.alone", error=str(error))
            self._not_before = time.monotonic() + ALONE_FOR_S
            return None
        return [int(number) for number in said]

    async def settle(self, shared: Redis, taken: Taken, changes: list[int]) -> None:
        """The request is over; what Redis does not hear of ends by itself in a minute."""
        self._running.pop(taken.lease, None)
        names = [scope.names for scope in taken.scopes]
        tokens = [scope.reserve(taken.wanted) for scope in taken.scopes]
        released = (taken.released, tokens)
        if taken.alone:
            with self._lock:
                self._alone.settle(names, changes, taken.lease, _now_ms(), released=released)
            return
        keys = [name for row in names for name in row]
        args = [taken.lease, taken.released, *changes, *tokens]
        await _run(shared, scripts.SETTLE, keys, args)

    async def stay(self, shared: Redis) -> None:
        """Keeps the slots of what still runs, as long as the process lives."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            held = [(name, lease) for lease, row in list(self._running.items()) for name in row]
            if held:
                leases = [lease for _, lease in held]
                keys = [name for name, _ in held]
                await _run(shared, scripts.RENEW, keys, [int(LEASE_S * 1000), *leases])

    def close(self) -> None:
        self._redis.close()


async def _run(shared: Redis, script: str, keys: list[str], args: list[Any]) -> None:
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await shared.eval(script, len(keys), *keys, *args)


def _slots(scopes: Sequence[Scope]) -> tuple[str, ...]:
    return tuple(scope.names[2] for scope in scopes if scope.parallel is not None)


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
