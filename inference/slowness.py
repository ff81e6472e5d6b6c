"""Holds the beginning of a stream back until it is known to be fast enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from inference.words import Delta, EngineError, Event, Failure, Timeouts

Count = Callable[[Delta], int]
"""How many tokens a chunk holds; called once for each, shown or not: held ones are billed too."""


async def judged(
    events: AsyncGenerator[Event, None], timeouts: Timeouts, count: Count
) -> AsyncGenerator[Event, None]:
    """The same events, the first of them late where there is a floor; too slow a one is a failure
    that nobody has seen anything of."""
    judge = Judge(events, timeouts, count)
    try:
        while (event := await judge.next()) is not None:
            yield event
    finally:
        await judge.close()


class Judge:
    """Begins its watch at the first content; without a floor it holds nothing back."""

    def __init__(
        self, events: AsyncGenerator[Event, None], timeouts: Timeouts, count: Count
    ) -> None:
        self._events = events
        self._least_tps = timeouts.least_tps
        self._judge_s = timeouts.judge_s
        self._count = count
        self._held: list[Event] = []
        self._is_over = self._least_tps <= 0
        self._tokens = 0
        self._until: float | None = None
        self._coming: asyncio.Future[Event] | None = None

    async def next(self) -> Event | None:
        while not self._is_over:
            await self._hold_one()
        if self._held:
            return self._held.pop(0)
        event = await self._arrival()
        self._take(event)
        return event

    async def close(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait((self._coming,))
        await self._events.aclose()

    async def _hold_one(self) -> None:
        left_s = None if self._until is None else self._until - asyncio.get_running_loop().time()
        if left_s is not None and (left_s <= 0 or not await self._comes_within(left_s)):
            self._decide()
            return
        event = await self._arrival()
        self._take(event)
        self._held += [] if event is None else [event]
        self._is_over = not isinstance(event, Delta)
        if self._until is None and isinstance(event, Delta) and event.has_content:
            self._until = asyncio.get_running_loop().time() + self._judge_s

    def _decide(self) -> None:
        tps = self._tokens / self._judge_s
        if tps < self._least_tps:
            raise EngineError(
                Failure.SLOW, f"it began with {tps:.1f} tokens a second, too slow to go on with"
            )
        self._is_over = True

    def _take(self, event: Event | None) -> None:
        self._tokens += self._count(event) if isinstance(event, Delta) else 0

    async def _comes_within(self, seconds: float) -> bool:
        self._coming = self._coming or asyncio.ensure_future(anext(self._events))
        done, _ = await asyncio.wait((self._coming,), timeout=seconds)
        return bool(done)

    async def _arrival(self) -> Event | None:
        coming, self._coming = self._coming, None
        try:
            return await (anext(self._events) if coming is None else coming)
        except StopAsyncIteration:
            return None
