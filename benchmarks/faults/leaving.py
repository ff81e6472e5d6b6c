"""A client that leaves: in mid-stream at some token, before the first, or from a whole answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.kora import Kora

MID, BEFORE, WHOLE = "in mid-stream", "before the first token", "from a whole answer"
MOST_TOKENS = 5000


@dataclass(kw_only=True)
class Trial:
    """One client, and what it saw before it hung up."""

    model: str
    when: str
    tokens: int
    """To read before leaving."""
    pause_s: float
    """To wait before leaving, once the provider has the call."""
    fields: dict[str, Any] = field(default_factory=dict)
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    read: int = 0
    """Pieces of the answer that its client saw, and how many the provider had sent."""
    sent: int = 0
    left_at_s: float = 0.0
    free_at_s: float | None = None
    """When the upstream connection was closed, or the slot free."""
    settled: bool = False
    note: str = ""

    @property
    def took_ms(self) -> float | None:
        return None if self.free_at_s is None else (self.free_at_s - self.left_at_s) * 1000

    @property
    def body(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": f"question {self.session}"}],
            "max_tokens": MOST_TOKENS,
            "stream": self.when != WHOLE,
            **self.fields,
        }


async def leave(trial: Trial, kora: Kora, arrived: Callable[[Trial], Awaitable[None]]) -> None:
    """`arrived` returns when the provider has the call."""
    headers = {"Authorization": f"Bearer {kora.key}", "x-kora-session": trial.session}
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        asking = asyncio.ensure_future(_ask(http, kora.chat, trial, headers))
        if trial.when == MID:
            await asyncio.wait([asking], timeout=60)
            return
        await arrived(trial)
        await asyncio.sleep(trial.pause_s)
        trial.left_at_s = time.monotonic()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def _ask(
    http: aiohttp.ClientSession, url: str, trial: Trial, headers: dict[str, str]
) -> None:
    async with http.post(url, json=trial.body, headers=headers) as reply:
        if reply.status != 200:
            trial.note = f"{reply.status}: {(await reply.text())[:200]}"
            return
        async for line in reply.content:
            trial.read += b'"content":"' in line and b'"content":""' not in line
            if trial.read >= trial.tokens and trial.when == MID:
                break
        trial.left_at_s = time.monotonic()
        reply.close()
