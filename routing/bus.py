"""The wire between web and workers: calls out through Redis lists, events back through one stream.

A call waits for its team's turn (`fairness.waiting`); whichever worker takes it owns it (at most
once). Events of all of a web process's requests come back in its own stream `kora:events:<web>`;
calls to cancel go to `kora:cancels:<queue>`, which every worker of that queue reads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import orjson
import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

Event = dict[str, Any]
EVENTS_KEPT = 100_000
STREAM_LIFE_S = 20
"""A web process keeps its stream alive while it lives; without one its calls are for nobody."""
TRIM_EVERY = 500
PAUSE_AFTER_TROUBLE_S = 0.3
CANCEL_AGAIN_S = 0.2


def events_key(web: str) -> str:
    return f"kora:events:{web}"


def cancels_key(queue: str) -> str:
    return f"kora:cancels:{queue}"


def worker_key(worker: str) -> str:
    return f"kora:worker:{worker}"


def connect(*, read_timeout_s: float | None = 5.0) -> Redis:
    """A client of its own; blocking readers need one without a short read timeout."""
    return Redis.from_url(
        settings.SERVICES.redis_url,
        socket_timeout=read_timeout_s,
        socket_connect_timeout=3.0,
        health_check_interval=0,
    )


Batch = list[tuple[Any, tuple[Any, ...]]]


class Outbox:
    """Writes what is put into it in the order it came, many commands in one trip."""

    def __init__(self, redis: Redis, *, on_failure: Callable[[list[Any]], None]) -> None:
        self._redis = redis
        self._on_failure = on_failure
        self._waiting: Batch = []
        self._flusher: asyncio.Task[None] | None = None

    def put(self, subject: Any, *command: Any) -> None:
        """`subject` is what `on_failure` is told of when the command could not be written."""
        self._waiting.append((subject, command))
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def drained(self) -> None:
        while self._flusher is not None:
            await asyncio.shield(self._flusher)

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write(batch)
        finally:
            self._flusher = None

    async def _write(self, batch: Batch) -> None:
        try:
            await write(self._redis, [command for _, command in batch])
        except (RedisError, OSError) as error:
            log.warning("bus.write_failed", error=str(error), commands=len(batch))
            self._on_failure([subject for subject, _ in batch])


class Announcer(Outbox):
    """Tells web processes what happens to their calls; what comes together travels together."""

    def tell(self, web: str, event: Event) -> None:
        self.put(web, event)

    async def _write(self, batch: Batch) -> None:
        by_web: dict[str, list[Event]] = {}
        for web, (event,) in batch:
            by_web.setdefault(web, []).append(event)
        try:
            commands = [event_command(web, events) for web, events in by_web.items()]
            told = await write(self._redis, commands)
            gone = [web for web, entry in zip(by_web, told, strict=True) if entry is None]
        except (RedisError, OSError) as error:
            log.warning("bus.announce_failed", error=str(error), webs=len(by_web))
            gone = list(by_web)
        if gone:
            self._on_failure(gone)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels until they have ended: redis-py now and then swallows a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


async def write(redis: Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    if len(commands) == 1:
        return [await redis.execute_command(*commands[0])]  # type: ignore[no-untyped-call]
    pipeline = redis.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = await pipeline.execute()
    return answers


def event_command(web: str, events: list[Event]) -> tuple[Any, ...]:
    """A stream that its web process no longer keeps alive is not made again."""
    key = events_key(web)
    return ("XADD", key, "NOMKSTREAM", "MAXLEN", "~", EVENTS_KEPT, "*", "e", orjson.dumps(events))


async def read_stream(
    redis: Redis, key: str, *, on_trouble: Callable[[], None], trim: bool = False
) -> AsyncIterator[Any]:
    """Every event from now on; trouble is told once per outage, then reading goes on."""
    last, seen = await _tail(redis, key), 0
    while True:
        try:
            read: Any = await redis.xread({key: last}, count=200, block=1000)
            for _, entries in read or ():
                for entry_id, fields in entries:
                    last = entry_id
                    seen += 1
                    for event in orjson.loads(fields[b"e"]):
                        yield event
            if trim and seen >= TRIM_EVERY:
                seen = 0
                await redis.xtrim(key, minid=last)
        except (RedisError, OSError) as error:
            log.warning("bus.read_failed", error=str(error))
            on_trouble()
            await asyncio.sleep(PAUSE_AFTER_TROUBLE_S)


async def _tail(redis: Redis, key: str) -> bytes | str:
    with contextlib.suppress(RedisError, OSError):
        newest: Any = await redis.xrevrange(key, count=1)
        if newest:
            tail: bytes = newest[0][0]
            return tail
    return "0-0"
