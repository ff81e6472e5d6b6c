"""Closed-loop lanes that ask an engine for their work, however it is reached."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any, Protocol

from benchmarks.local import work as works
from benchmarks.local.work import Answer, Work


class Door(Protocol):
    """One way to reach one engine."""

    address: str
    """Where it also listens, if it does."""

    async def ask(self, prompt: str, write: int) -> Answer: ...

    def read(self) -> int | None:
        """Prompt tokens that went through the model so far, if this can be known."""

    async def close(self) -> None: ...


class Lanes:
    def __init__(self, door: Door, work: Work) -> None:
        self.door, self.work = door, work
        self.answers: list[Answer] = []
        self.troubles: Counter[str] = Counter()
        self.neighbours = 0

    async def run(self) -> dict[str, Any]:
        read, began_s = self.door.read(), time.perf_counter()
        neighbour = asyncio.create_task(self._neighbour())
        await asyncio.gather(*(self._lane(number) for number in range(self.work.lanes)))
        wall_s = time.perf_counter() - began_s
        neighbour.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await neighbour
        found = works.figures(self.work, self.answers, self.troubles, wall_s)
        now = self.door.read()
        anew = None if read is None or now is None else now - read
        return {**found, "read": anew, "neighbours": self.neighbours}

    async def _lane(self, lane: int) -> None:
        for number in range(self.work.each):
            try:
                prompt = self.work.text(f"{lane} {number}")
                self.answers.append(await self.door.ask(prompt, self.work.write))
            except Exception as trouble:
                self.troubles[f"{type(trouble).__name__}: {trouble}"[:200]] += 1

    async def _neighbour(self) -> None:
        while self.work.neighbour:
            await self.door.ask(self.work.long_text(self.neighbours), works.LONG_WRITES)
            self.neighbours += 1
