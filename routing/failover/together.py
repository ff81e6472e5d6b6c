"""What web processes tell each other of backends: breakers and crowds, one trip every so often."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from routing.failover import breakers, crowds

log = structlog.get_logger(__name__)

EVERY_S = 0.25
PAUSE_AFTER_TROUBLE_S = 0.3
KEY = "kora:crowds"
UNREADABLE = (RedisError, OSError, ValueError, KeyError, TypeError)


async def watch(redis: Redis, me: str) -> None:
    """Runs in each web process; news of a breaker are told at once."""
    news = asyncio.Event()
    breakers.open_wire(redis, news.set)
    try:
        while True:
            news.clear()
            await _exchange(redis, me)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), EVERY_S)
    finally:
        breakers.close_wire()


async def _exchange(redis: Redis, me: str) -> None:
    try:
        await breakers.tell(redis)
        await look(redis, me)
    except UNREADABLE as error:
        log.warning("together.unreadable", error=str(error))
        await asyncio.sleep(PAUSE_AFTER_TROUBLE_S)


async def look(redis: Redis, me: str) -> None:
    pipeline = redis.pipeline(transaction=False)
    pipeline.hset(KEY, me, crowds.mine(breakers.now()))
    pipeline.time()
    pipeline.hgetall(breakers.KEY)
    pipeline.hgetall(KEY)
    _, (seconds, micros), stored, told = await pipeline.execute()
    now = seconds + micros / 1e6
    breakers.learn(now, stored)
    if gone := crowds.learn(now, told, me):
        await redis.hdel(KEY, *gone)


async def leave(redis: Redis, me: str) -> None:
    await redis.hdel(KEY, me)
