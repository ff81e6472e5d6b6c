"""What one web process watches of idempotent requests: its own rows' leases, others' ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from routing.errors import Refusal
from routing.idempotency.values import Mine, Running

Renew = Callable[[list[Mine]], Awaitable[None]]
Runs = Callable[[Running], Awaitable[bool]]
FIRST_LOOK_S = 0.01
LAST_LOOK_S = 0.1
PER_LEASE = 3
"""How often a row is renewed before its lease would end."""


@dataclass(slots=True)
class _Look:
    task: asyncio.Task[None]
    waiters: int = 0


class Lookout:
    """One task renews all rows of this process, one task for each awaited row looks at it."""

    def __init__(self) -> None:
        self._mine: set[Mine] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._looks: dict[int, _Look] = {}

    def hold(self, mine: Mine, renew: Renew, *, lease_s: float) -> None:
        self._mine.add(mine)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(renew, lease_s / PER_LEASE))

    def drop(self, mine: Mine) -> None:
        self._mine.discard(mine)
        if not self._mine and self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None

    async def over(self, running: Running, runs: Runs) -> None:
        """Until it is answered, let go or left by whoever worked on it."""
        look = self._looks.get(running.row_id)
        if look is None or look.task.done():
            look = _Look(asyncio.create_task(_look(running, runs)))
            self._looks[running.row_id] = look
        look.waiters += 1
        try:
            await asyncio.shield(look.task)
        finally:
            self._left(running.row_id, look)

    def _left(self, row_id: int, look: _Look) -> None:
        look.waiters -= 1
        if look.waiters:
            return
        look.task.cancel()
        if self._looks.get(row_id) is look:
            del self._looks[row_id]

    async def _renew(self, renew: Renew, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            with contextlib.suppress(Refusal):
                await renew(list(self._mine))


async def _look(running: Running, runs: Runs) -> None:
    """A look that fails ends it: those who wait find out for themselves what is wrong."""
    pause_s = FIRST_LOOK_S
    with contextlib.suppress(Refusal):
        while await runs(running):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LAST_LOOK_S)
