"""Synchronous steps of a request, in the web's own threads, whose connections persist."""

from __future__ import annotations

from typing import Any

from routing import connections
from routing.errors import Unavailable
from routing.way import Room


async def in_thread(room: Room, work: Any, *args: Any) -> Any:
    return await room.hands.do(guarded, work, args)


def guarded(work: Any, args: tuple[Any, ...]) -> Any:
    """Postgres being away is one clear refusal, and the next request tries a new connection."""
    connections.hear()
    try:
        return work(*args)
    except connections.LOST as error:
        connections.drop()
        raise Unavailable("postgres") from error
