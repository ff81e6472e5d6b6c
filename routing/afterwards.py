"""What is done once a reply is on its way: its client never waits for it, nor suffers from it."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from caching import answers, lookup
from caching.judge import evidence
from caching.judge.evidence import Seen
from caching.patterns import watching
from caching.values import Fresh, Verdict
from caching.vectors import generations, index
from routing import catalog, connections, embedders, execution, hands, metrics
from routing.errors import Refusal
from routing.way import Room

if TYPE_CHECKING:
    from caching.values import Vector

log = structlog.get_logger(__name__)

AT_MOST = 1000
"""Beyond it things are left undone: vectors are made up for in the background, evidence is not."""
_tasks: set[asyncio.Task[None]] = set()


class Errand(enum.Enum):
    """What is left to do after a reply, and up to which load it is begun: of the tasks that wait,
    or of the room for new requests, whichever is fuller. What can best be done without goes first;
    receipts and money are no errands and are never left undone."""

    OUTCOME = 0.125
    """What a decision came to, for the router to learn from."""
    MARK = 0.25
    """A judge's word, or a second answer to compare with."""
    NEAR = 0.5
    """The vector of a stored answer, and what it shows of the questions near it."""
    SEAT = 1.0
    """Where the next turn of a conversation finds its prompt warm."""


def load(room: Room) -> float:
    return max(len(_tasks) / AT_MOST, room.hands.filled)


def has_room(room: Room, errand: Errand) -> bool:
    return load(room) < errand.value and not room.stopping.is_set()


def soon(room: Room, errand: Errand, work: Coroutine[Any, Any, None]) -> None:
    """Unless there is more to do than can be done, or the process stops."""
    if not has_room(room, errand):
        work.close()
        metrics.left_undone(errand.name.lower())
        return
    task = asyncio.create_task(_carefully(work))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _carefully(work: Coroutine[Any, Any, None]) -> None:
    hands.nobody_waits.set(True)
    try:
        await work
    except (Refusal, psycopg.Error) as error:
        log.info("afterwards.given_up", error=str(error))
    except Exception:
        log.exception("afterwards.crashed")


async def rest() -> None:
    """Until all that was left to do is done."""
    while _tasks:
        await asyncio.wait(tuple(_tasks))


async def end(*others: asyncio.Task[None]) -> None:
    """When the process stops: what has not come to an end is given up, and so are the others."""
    tasks = [*_tasks, *others]
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def keep(room: Room, fresh: Fresh, entry_id: int | None) -> None:
    """The vector of a remembered answer, and what the answer shows of the neighbour before it."""
    await execution.in_thread(room, _keep, fresh, entry_id)


def _keep(fresh: Fresh, entry_id: int | None) -> None:
    connection = connections.current()
    if entry_id is not None and fresh.vector is not None and fresh.surroundings:
        _place(connection, fresh, entry_id, fresh.vector)
    if fresh.withheld is not None:
        pattern_id, said = fresh.withheld
        heard = answers.text(fresh.answer)
        watching.note(connection, pattern_id, fresh.exchange_id, said=said, heard=heard)
    if fresh.near is not None and evidence.is_worth_it(fresh.near):
        evidence.note(connection, _missed(fresh, fresh.near))


def _place(
    connection: psycopg.Connection[Any], fresh: Fresh, entry_id: int, vector: Vector
) -> None:
    """Until the background has begun a generation of this embedder, there is no place."""
    generation = generations.to_fill(catalog.current().generations, embedders.house())
    if generation is not None:
        partition = index.partition(fresh.scope, fresh.surroundings)
        lookup.place(connection, entry_id, partition, vector, generation.id)


def _missed(fresh: Fresh, near: Verdict) -> Seen:
    return Seen(
        team_id=fresh.team_id,
        question=fresh.question,
        verdict=near,
        exchange_id=fresh.exchange_id,
        source="miss",
        answer=fresh.answer,
    )
