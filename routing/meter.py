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

    def admit(self, scopes: tuple[Scope, ...], tokens: int) -> Taken:
        """Takes of all limits at once, or says which is reached; one trip to Redis."""
        lease, asked = values.new_lease(), values.asked(scopes, tokens)
        said = self._ask(scopes, lease, asked)
        alone = said is None
        if said is None:
            with self._lock:
                said = self._alone.admit([s.names for s in scopes], asked, lease, _now_ms())
        taken = values.read(said, lease, scopes, tokens)
        taken.alone = alone
        if taken.has_slots and not alone:
            self._running[lease] = _slots(scopes)
        return taken

    def _ask(self, scopes: Sequence[Scope], lease: str, asked: list[int]) -> list[int] | None:
        if time.monotonic() < self._not_before:
            return None
        names = [name for scope in scopes for name in scope.names]
        try:
            said: Any = self._admit(keys=names, args=[lease, int(LEASE_S * 1000), *asked])
        except (RedisError, OSError) as error:
            log.warning("meter.alone", error=str(error))
            self._not_before = time.monotonic() + ALONE_FOR_S
            return None
        return [int(number) for number in said]

    async def settle(self, shared: Redis, taken: Taken, changes: list[int]) -> None:
        """The request is over; what Redis does not hear of ends by itself in a minute."""
        self._running.pop(taken.lease, None)
        names = [scope.names for scope in taken.scopes]
        if taken.alone:
            with self._lock:
                self._alone.settle(names, changes, taken.lease, _now_ms())
            return
        keys = [name for row in names for name in row]
        await _run(shared, scripts.SETTLE, keys, [taken.lease, *changes])

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
