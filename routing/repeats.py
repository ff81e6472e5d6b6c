"""Requests that may be sent again: the first of its `Idempotency-Key` answers for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from routing import answers, connections, embeddings, labels, limits, steps
from routing.errors import IdempotencyConflict, Unavailable
from routing.idempotency import naming, recording, rows
from routing.idempotency.recording import Errand
from routing.idempotency.values import (
    LARGEST,
    LEASES,
    TOO_LARGE,
    Conflict,
    Kept,
    Mine,
    Running,
    Told,
)
from routing.tries import Try
from routing.way import Room, Way

if TYPE_CHECKING:
    from routing.replies import Reply

OTHER_BODY = (
    "This Idempotency-Key stood for another request before: {id}. Use a new key for a new request."
)
TOO_LARGE_TO_KEEP = (
    f"The answer to this Idempotency-Key was larger than {LARGEST // 2**20} MiB and was not kept; "
    "the request was {id}."
)
TOO_NEAR_S = 0.25
"""So near its deadline a call has nothing to go on for: whoever asks again begins anew."""
OF_THEN = ("x-ratelimit-", "x-kora-overhead-ms")
"""Headers that say something of that moment, and not of the answer."""


def begin(way: Way, room: Room) -> Told | Running | None:
    """Nothing for a request that goes its way: the first of its key, or one without a key."""
    if way.mine is not None or naming.HEADER not in way.incoming.headers:
        return None
    found = way.clock("idempotency", _begin, way)
    if found is not None:
        limits.repeat(way, room)
    return found


def _begin(way: Way) -> Told | Running | None:
    named = naming.named(way.prompt, way.incoming.headers, key_id=way.caller.key_id)
    if named is None:
        return None
    found = rows.begin(connections.current(), named, way.exchange_id, lease_s=_lease_s())
    if isinstance(found, Conflict):
        text = TOO_LARGE_TO_KEEP if found.why == TOO_LARGE else OTHER_BODY
        raise IdempotencyConflict(text.format(id=found.exchange_id), param="Idempotency-Key")
    if isinstance(found, Mine):
        way.mine = found
        return None
    return found


def _lease_s() -> float:
    return float(settings.KORA_LEASE_S) * LEASES


def hold(way: Way, room: Room) -> None:
    """From now on its row is renewed until it is told or let go."""
    if way.mine is None:
        return

    async def renew(held: list[Mine]) -> None:
        await steps.in_thread(room, _renew, held)

    room.lookout.hold(way.mine, renew, lease_s=_lease_s())


def _renew(held: list[Mine]) -> None:
    rows.renew(connections.current(), held, lease_s=_lease_s())


async def over(way: Way, room: Room, running: Running) -> None:
    """The first one is answered, or will never be."""
    began = time.perf_counter()

    async def runs(asked: Running) -> bool:
        return bool(await steps.in_thread(room, _runs, asked))

    await room.lookout.over(running, runs)
    way.clock.note("waited for the first", began)


def _runs(running: Running) -> bool:
    return rows.runs(connections.current(), running)


def errand(way: Way, each: Try, until: float) -> Errand | None:
    """What a worker is told, so that the answer is kept with its settlement even if this process
    dies or its client leaves: then the call goes on, for whoever asks again.

    Of a cascade and of a second attempt beside another nobody knows yet which answer counts, and
    what is embedded here dies with us.
    """
    here = embeddings.is_here(each.candidate.backend)
    if way.mine is None or way.is_contested or way.legs is not None or here:
        return None
    each.outlives_until = until - TOO_NEAR_S
    return recording.errand(way.mine, labels.of_attempt(way, each))


async def kept(way: Way, room: Room, reply: Reply) -> Reply:
    """The reply as it goes out, after it is kept for those who ask again."""
    if way.mine is None:
        return reply
    if reply.stream is not None:
        return replace(reply, stream=_listened(way, room, reply))
    await _keep(way, room, reply.headers, reply.body, streamed=False)
    return reply


async def _listened(way: Way, room: Room, reply: Reply) -> AsyncIterator[bytes]:
    """Kept before its end is sent; one that breaks off is let go."""
    assert reply.stream is not None
    told = bytearray()
    try:
        async with contextlib.aclosing(reply.stream) as stream:  # type: ignore[type-var]
            async for piece in stream:
                if len(told) <= LARGEST and not _by_worker(way):
                    told += piece
                if piece == answers.DONE:
                    await _keep(way, room, reply.headers, bytes(told), streamed=True)
                yield piece
    finally:
        await asyncio.shield(let_go(way, room))


async def _keep(
    way: Way, room: Room, headers: dict[str, str], answer: bytes, *, streamed: bool
) -> None:
    assert way.mine is not None
    if not _by_worker(way):
        lasting = {n: v for n, v in headers.items() if not n.startswith(OF_THEN)}
        told = Kept(mine=way.mine, answer=answer, streamed=streamed, headers=lasting)
        with contextlib.suppress(Unavailable):  # then it is as if this process had died
            await steps.in_thread(room, _write, told)
    room.lookout.drop(way.mine)
    way.mine = None


def _write(told: Kept) -> None:
    rows.keep(connections.current(), told)


def _by_worker(way: Way) -> bool:
    """Whether the worker of the attempt that answered has kept the answer already."""
    return bool(way.tries) and way.tries[-1].outlives_until > 0 and not way.is_contested


def contest(way: Way) -> None:
    """Another call will be in the air for it: what a worker keeps from now on is a draft."""
    if way.mine is not None:
        rows.contest(connections.current(), way.mine)
        way.is_contested = True


async def let_go(way: Way, room: Room) -> None:
    """It was not answered: whoever asks again is the first, unless a worker goes on with it."""
    mine, way.mine = way.mine, None
    if mine is None:
        return
    room.lookout.drop(mine)
    left = any(each.was_left for each in way.tries)
    if left and not way.is_contested:
        return
    with contextlib.suppress(Unavailable):
        await steps.in_thread(room, _leave if left else _release, mine)


def _release(mine: Mine) -> None:
    rows.release(connections.current(), mine)


def _leave(mine: Mine) -> None:
    """To the only call that goes on."""
    rows.leave(connections.current(), mine)


def forget_old() -> int:
    return rows.expire(connections.current())
