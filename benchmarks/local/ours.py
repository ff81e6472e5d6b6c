"""KORA's engine, in this process and without anything around it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.local.work import Answer
from inference.local.engine import Engine
from inference.local.words import Ended, Job, Piece, Sampling, Settings, Told
from inference.words import EngineError

GREEDY = Sampling(temperature=0)


class Asked:
    """One job on its way: the engine's thread tells, the loop is woken once, at the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self.began_s = time.perf_counter()
        self.first_s = self.last_s = 0.0

    def hear(self, told: Told) -> None:
        if isinstance(told, Piece):
            self.first_s = self.first_s or time.perf_counter() - self.began_s
            return
        self.last_s = time.perf_counter() - self.began_s
        self.loop.call_soon_threadsafe(self._settle, told)

    def _settle(self, told: Ended | EngineError) -> None:
        if self.ended.done():  # nobody waits any more
            return
        if isinstance(told, Ended):
            self.ended.set_result(told)
        else:
            self.ended.set_exception(told)


def hear(told: list[tuple[Any, Told]]) -> None:
    for asked, what in told:
        asked.hear(what)


class Ours:
    address = ""

    def __init__(self, model: str, *, slots: int, threads: int, context: int) -> None:
        settings = Settings(slots=slots, threads=threads, context=context, waiting=4 * slots)
        self.engine = Engine(Path(model), settings, name="bench")

    async def ask(self, prompt: str, write: int) -> Answer:
        asked = Asked(asyncio.get_running_loop())
        tokens = tuple(self.engine.tokenize(prompt, begin=True))
        ticket = self.engine.submit(
            Job(tokens=tokens, max_tokens=write, sampling=GREEDY, domain="bench"), asked, hear
        )
        try:
            ended = await asked.ended
        except asyncio.CancelledError:
            ticket.cancel()
            raise
        return Answer(first_s=asked.first_s, took_s=asked.last_s, written=ended.completion_tokens)

    def read(self) -> int:
        return self.engine.prefilled

    async def close(self) -> None:
        self.engine.close()
