"""Clients of an overload: so many of each team, each asking again as soon as it is answered, and
doing as it is told when it is not."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

ANSWERED, STORED, LOST, GAVE_UP = "answered", "stored", "lost", "gave up"
PROBE_S = 0.05
PATIENCE_S = 60.0
WORDS = "what is stored is served"
PAUSE_S = 0.2
"""Between two questions that are stored: their clients are no load."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """Who asks, with how many clients, and what for."""

    name: str
    key: str
    clients: int
    stored: bool = False
    """It asks what is stored already."""


@dataclass(kw_only=True)
class Heard:
    """What became of one request, from its first try to its end."""

    team: str
    outcome: str = LOST
    ms: float = 0.0
    told_s: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    admitted_after_s: float | None = None
    """From the first refusal to the try that was let in."""

    @property
    def ratio(self) -> float | None:
        """What it was told at first against when it was let in."""
        if not self.told_s or self.admitted_after_s is None:
            return None
        return self.told_s[0] / max(self.admitted_after_s, PROBE_S)


@dataclass(kw_only=True)
class Crowd:
    """All clients of one run."""

    http: aiohttp.ClientSession
    url: str
    model: str
    heard: list[Heard] = field(default_factory=list)

    async def press(self, teams: Sequence[Team], seconds: float) -> None:
        ends = time.monotonic() + seconds
        async with asyncio.TaskGroup() as all_of_them:
            for team in teams:
                for _ in range(team.clients):
                    all_of_them.create_task(self._go_on(team, ends))

    async def _go_on(self, team: Team, ends: float) -> None:
        while time.monotonic() < ends:
            heard = Heard(team=team.name)
            await self.ask(team, heard, ends)
            if heard.outcome == GAVE_UP:
                return
            self.heard.append(heard)
            if team.stored:
                await asyncio.sleep(PAUSE_S)

    async def ask(self, team: Team, heard: Heard, ends: float, probes: bool = False) -> None:
        """Until it is answered; one that probes asks on all the time instead of doing as told."""
        first_refused = 0.0
        words = WORDS if team.stored else uuid.uuid4().hex
        while True:
            tried = time.monotonic()
            told_s = await self._try(team, heard, words)
            if told_s is None:
                heard.admitted_after_s = tried - first_refused if first_refused else None
                return
            first_refused = first_refused or time.monotonic()
            wait_s = PROBE_S if probes else told_s
            if time.monotonic() + wait_s > ends + (PATIENCE_S if probes else 0):
                heard.outcome = GAVE_UP
                return
            await asyncio.sleep(wait_s)

    async def _try(self, team: Team, heard: Heard, words: str) -> float | None:
        """How long it is told to wait, or nothing where that was the end."""
        body = {"model": self.model, "messages": [{"role": "user", "content": words}]}
        headers = {"Authorization": f"Bearer {team.key}"}
        began = time.monotonic()
        try:
            async with self.http.post(self.url, json=body, headers=headers) as reply:
                await reply.read()
                heard.ms = (time.monotonic() - began) * 1000
                if reply.status == 429:
                    heard.refused_ms.append(heard.ms)
                    heard.told_s.append(int(reply.headers["retry-after-ms"]) / 1000)
                    return heard.told_s[-1]
                is_stored = reply.headers.get("x-kora-tier") == "exact"
                answered = STORED if is_stored else ANSWERED
                heard.outcome = answered if reply.status == 200 else f"status {reply.status}"
        except (aiohttp.ClientError, TimeoutError):
            heard.outcome = LOST
        return None

    async def probe(self, team: Team, seconds: float) -> list[Heard]:
        """Asks again and again; whenever it is refused, learns when there was a place."""
        found, ends = [], time.monotonic() + seconds
        while time.monotonic() < ends:
            heard = Heard(team=team.name)
            await self.ask(team, heard, ends, probes=True)
            found.append(heard)
        return [each for each in found if each.ratio is not None]
