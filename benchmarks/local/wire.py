"""An engine behind HTTP, asked for streams of OpenAI's `completions` or `chat/completions`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.local.work import Answer

LIMIT = 1 << 20


class Wire:
    """A connection for each answer: what it costs is the same for all who are reached so."""

    address = ""

    def __init__(self, url: str, *, model: str, headers: Mapping[str, str]) -> None:
        self.target, self.model, self.headers = urlsplit(url), model, headers
        self.chat = url.endswith("/chat/completions")

    async def ask(self, prompt: str, write: int) -> Answer:
        began_s = time.perf_counter()
        reader, writer = await asyncio.open_connection(
            self.target.hostname, self.target.port, limit=LIMIT
        )
        try:
            writer.write(self._request(prompt, write))
            return await self._answer(reader, began_s, write)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, began_s: float, write: int) -> Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        if head[9:12] != b"200":
            raise RuntimeError(f"{head[9:12].decode()}: {(await reader.read(300)).decode()}")
        first_s = last_s = 0.0
        finish = ""
        async for chunk in _chunks(reader):
            last_s = time.perf_counter() - began_s
            text, ending = _told(chunk)
            first_s = first_s or (last_s if text else 0.0)
            finish = finish or ending
        if finish != "length":
            raise RuntimeError(f"the answer ended with {finish or 'nothing'}")
        return Answer(first_s=first_s, took_s=last_s, written=write)

    def _request(self, prompt: str, write: int) -> bytes:
        asked: dict[str, Any] = {
            "model": self.model,
            "max_tokens": write,
            "temperature": 0,
            "stream": True,
        }
        if self.chat:
            asked["messages"] = [{"role": "user", "content": prompt}]
        else:
            asked["prompt"] = prompt
        body = orjson.dumps(asked)
        head = [
            f"POST {self.target.path} HTTP/1.1",
            f"Host: {self.target.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def read(self) -> None:
        return None

    async def close(self) -> None:
        return None


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    async for line in reader:
        if line.startswith(b"data: [DONE]"):
            return
        if line.startswith(b"data: {"):
            yield orjson.loads(line[6:])


def _told(chunk: dict[str, Any]) -> tuple[str, str]:
    """The text of a chunk and how it ends the answer; a role alone is neither."""
    if chunk.get("error"):
        return "", f"an error: {chunk['error']}"
    choice = (chunk.get("choices") or [{}])[0]
    text = choice.get("text") or choice.get("delta", {}).get("content") or ""
    return text, choice.get("finish_reason") or ""
