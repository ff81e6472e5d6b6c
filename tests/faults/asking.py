"""Clients of a KORA that is being broken: what each was told, to the last byte."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.plant import Plant

CONTRACT = {
    "budget_exceeded": 402,
    "queue_full": 429,
    "upstream_failed": 502,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
"""The refusals that a fault may lead to, and their statuses."""
GONE = (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError)


@dataclass(kw_only=True)
class Told:
    """How one request ended for its client."""

    session: str
    stream: bool
    status: int = 0
    code: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    cut: bool = False

    @property
    def ending(self) -> str:
        if self.cut:
            return "cut"
        if self.status == 200 and not self.code:
            return "answered"
        return f"broken:{self.code}" if self.status == 200 else self.code

    def is_honest(self) -> bool:
        """A whole answer, or an error of the contract: nothing in between passes for an answer."""
        if self.cut:
            return not self.done
        if self.status != 200:
            return CONTRACT.get(self.code) == self.status and bool(self.error["message"])
        if self.stream:
            return self.done != bool(self.code)
        return bool(self.text)


@dataclass(kw_only=True)
class Asker:
    """One client with as many connections as it has requests."""

    plant: Plant
    http: aiohttp.ClientSession
    key: str = ""

    async def ask(
        self,
        model: str = "steady",
        *,
        stream: bool = False,
        max_tokens: int = 10,
        first: asyncio.Event | None = None,
        fields: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> Told:
        """`first` is set when the first content is there. A lost connection is told, not raised."""
        told = Told(session=uuid.uuid4().hex, stream=stream)
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": f"question {told.session}"}],
            "max_tokens": max_tokens,
            "stream": stream,
            **(fields or {}),
        }
        own = {"authorization": f"Bearer {self.key or self.plant.kora.api_key}"}
        more = {f"x-kora-{name.replace('_', '-')}": text for name, text in headers.items()}
        sent = {**own, "x-kora-session": told.session, **more}
        try:
            url = f"{self.plant.kora.url}/v1/chat/completions"
            async with self.http.post(url, json=body, headers=sent) as reply:
                told.status = reply.status
                told.headers = {name.lower(): value for name, value in reply.headers.items()}
                if stream and reply.status == 200:
                    await _read_stream(told, reply, first)
                else:
                    _read_whole(told, await reply.json())
        except GONE:
            told.cut = True
        return told

    async def ask_many(self, count: int, model: str = "steady", **how: Any) -> list[Told]:
        """Every other one streams, unless said otherwise."""
        asks = [self.ask(model, **{"stream": number % 2 == 1, **how}) for number in range(count)]
        return list(await asyncio.gather(*asks))


def opened() -> aiohttp.ClientSession:
    """Patient beyond every limit of KORA's own, so that a hang shows as one."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=90),
    )


def endings(tolds: Iterable[Told]) -> Counter[str]:
    return Counter(told.ending for told in tolds)


def _read_whole(told: Told, body: dict[str, Any]) -> None:
    if told.status == 200:
        told.text = body["choices"][0]["message"]["content"]
        told.usage = body["usage"]
    else:
        told.error = body["error"]
        told.code = told.error["code"]


async def _read_stream(
    told: Told, reply: aiohttp.ClientResponse, first: asyncio.Event | None
) -> None:
    async for line in reply.content:
        if not line.startswith(b"data: "):
            continue
        if line.strip() == b"data: [DONE]":
            told.done = True
            continue
        _read_chunk(told, json.loads(line[6:]))
        if told.text and first is not None:
            first.set()
    if not told.done and not told.code:
        told.cut = True


def _read_chunk(told: Told, chunk: dict[str, Any]) -> None:
    if "error" in chunk:
        told.error = chunk["error"]
        told.code = chunk["error"]["code"]
        return
    told.usage = chunk.get("usage") or told.usage
    for choice in chunk["choices"]:
        told.text += choice["delta"].get("content") or ""
