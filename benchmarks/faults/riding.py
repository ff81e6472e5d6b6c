"""One request of a replay as its client lives it: answered whole, refused by a code, or lost."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.faults.recorded import Arrival
from tests.faults.lab import scripts

WORD = " code"
ANSWERED, LOST = "answered", "lost"
REFUSED_FOR_NOW = ("rate_limited", "queue_full")
PATIENCE_S = 180.0
"""Far beyond every limit of KORA's own: a hang is a loss."""
LONGEST_TOLD_S = 620.0
"""KORA names no later moment for a rate limit; who comes before his time proves nothing."""
EARLY_S = 0.05
"""What a client adds to the told time, as clocks and networks do."""


@dataclass(kw_only=True)
class Ride:
    """What became of one request; `told` are the waits that its 429s named, in order."""

    arrival: Arrival
    team: str
    stream: bool
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    at_s: float = 0.0
    first_ms: float | None = None
    total_ms: float = 0.0
    outcome: str = ""
    backend: str = ""
    why: str = ""
    told: list[float | None] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        filler = WORD * max(self.arrival.prompt_tokens - 20, 0)
        return {
            "model": "auto:cheap",
            "messages": [{"role": "user", "content": f"{self.session}{filler}"}],
            "max_tokens": self.arrival.completion_tokens,
            "stream": self.stream,
        }

    @property
    def headers(self) -> dict[str, str]:
        return {"x-kora-session": self.session, "x-kora-cache": "no-cache"}


@dataclass(frozen=True, kw_only=True)
class Rider:
    """Sends requests; one that is told to wait does so, and comes again: at the told time, and if
    it is refused even then, once more at twice that time."""

    http: aiohttp.ClientSession
    url: str
    keys: dict[str, str]

    async def ride(self, ride: Ride) -> None:
        ride.at_s = time.monotonic()
        await self._once(ride)
        for _ in range(2):
            if ride.outcome not in REFUSED_FOR_NOW or ride.told[0] is None:
                return
            await asyncio.sleep(min(ride.told[0], LONGEST_TOLD_S) + EARLY_S)
            await self._once(ride)

    async def _once(self, ride: Ride) -> None:
        began_s = time.monotonic()
        headers = {**ride.headers, "Authorization": f"Bearer {self.keys[ride.team]}"}
        try:
            async with self.http.post(self.url, json=ride.body, headers=headers) as reply:
                await _read(ride, reply, began_s)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            ride.outcome, ride.why = LOST, f"{type(error).__name__} {error}"[:120]
        ride.total_ms = (time.monotonic() - began_s) * 1000


async def _read(ride: Ride, reply: aiohttp.ClientResponse, began_s: float) -> None:
    ride.backend = reply.headers.get("x-kora-backend", "")
    if reply.status != 200:
        await _refused(ride, reply)
    elif ride.stream:
        await _streamed(ride, reply, began_s)
    else:
        choice = (await reply.json())["choices"][0]
        _judge(ride, choice["message"]["content"], finish=choice["finish_reason"], done=True)


async def _refused(ride: Ride, reply: aiohttp.ClientResponse) -> None:
    error = (await reply.json(content_type=None))["error"]
    ride.outcome = str(error["code"]) if error.get("message") else LOST
    ride.why = str(error.get("message"))[:160]
    if reply.status == 429:
        said = reply.headers.get("retry-after")
        ride.told.append(float(said) if said else None)


async def _streamed(ride: Ride, reply: aiohttp.ClientResponse, began_s: float) -> None:
    text, finish, done = "", "", False
    async for line in reply.content:
        if not line.startswith(b"data: "):
            continue
        if line.strip() == b"data: [DONE]":
            done = True
            continue
        chunk = json.loads(line[6:])
        if "error" in chunk:
            ride.outcome = f"broken:{chunk['error']['code']}"
            return
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice.get("finish_reason") or finish
        if text and ride.first_ms is None:
            ride.first_ms = (time.monotonic() - began_s) * 1000
    _judge(ride, text, finish=finish, done=done)


def _judge(ride: Ride, text: str, *, finish: str, done: bool) -> None:
    """An answer is whole or it is none: what ends early without a word of it is lost."""
    whole = scripts.text_of(ride.arrival.completion_tokens)
    ride.outcome = ANSWERED if done and finish and text == whole else LOST
    if ride.outcome == LOST:
        ride.why = f"{len(text)} of {len(whole)} bytes, finish {finish!r}, done {done}"
