"""Whole answers asked for as streams, so that silence and slowness are noticed there too."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace

from inference import slowness
from inference.slowness import Count
from inference.words import Body, Call, Completion, Engine, Event, Target
from routing import answers, keyrings
from routing.keyrings import Turn


def events(
    engine: Engine, target: Target, call: Call, *, turn: Turn, count: Count
) -> AsyncGenerator[Event, None]:
    """What an engine says, by the keys of its backend, as fast as its operator demands."""
    if not _is_gathered(target, call):
        coming = keyrings.run(engine, target, call, turn)
        return slowness.judged(coming, target.timeouts, count)
    times = replace(target.timeouts, first_token_s=target.timeouts.whole_first_s)
    coming = keyrings.run(engine, replace(target, timeouts=times), replace(call, stream=True), turn)
    return gathered(slowness.judged(coming, times, count))


def _is_gathered(target: Target, call: Call) -> bool:
    return not call.stream and call.form == "chat" and target.timeouts.whole_first_s > 0


async def gathered(streamed: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """One answer of all its chunks."""
    chunks: list[Body] = []
    async with contextlib.aclosing(streamed):
        async for event in streamed:
            if isinstance(event, Completion):
                yield replace(event, body=answers.assemble(chunks, {}))
                return
            chunks.append(event.chunk)
