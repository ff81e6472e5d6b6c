"""One request answered in its manner, byte by byte where that matters."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from aiohttp import web

from tests.faults.lab.entries import Entry
from tests.faults.lab.scripts import Manner, text_of, word

STALL_S = 120.0
STAMP = {"id": "chatcmpl-lab", "created": 1_700_000_000, "model": "lab"}


async def play(request: web.Request, entry: Entry, manner: Manner) -> web.StreamResponse:
    entry.status = manner.status
    if manner.silent:
        await asyncio.sleep(STALL_S)
    await asyncio.sleep(manner.first_s if not entry.stream or manner.status != 200 else 0)
    if manner.status != 200:
        return web.json_response(_error(manner), status=manner.status, headers=dict(manner.headers))
    if entry.stream:
        return await _streamed(request, entry, manner)
    return await _whole(request, entry, manner)


def _error(manner: Manner) -> dict[str, Any]:
    error = {"message": manner.message, "type": manner.code, "code": manner.code, "param": None}
    return {"error": error}


# Whole answers


async def _whole(request: web.Request, entry: Entry, manner: Manner) -> web.StreamResponse:
    await asyncio.sleep(manner.word_s * manner.words)
    if manner.breaks in ("error", "broken-json", "bad-utf8", "not-a-chunk"):
        return web.Response(body=_nonsense(entry, manner), content_type="application/json")
    if manner.breaks in ("cut", "stall"):
        return await _broken_off(request, entry, manner)
    _wrote(entry, manner.words)
    entry.whole = True
    return web.json_response(_answer(entry, manner))


def _nonsense(entry: Entry, manner: Manner) -> bytes:
    whole = json.dumps(_answer(entry, manner)).encode()
    return {
        "error": json.dumps(_error(manner)).encode(),
        "broken-json": whole[: len(whole) // 2],
        "bad-utf8": whole.replace(b" 000", b" \xff\xfe0"),
        "not-a-chunk": b'{"choices": []}',
    }[manner.breaks]


async def _broken_off(request: web.Request, entry: Entry, manner: Manner) -> web.StreamResponse:
    """Half of what the length promised, or nothing where it breaks before the content."""
    whole = json.dumps(_answer(entry, manner)).encode()
    length = str(len(whole))
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": length}
    )
    await response.prepare(request)
    if manner.after:
        _wrote(entry, manner.after)
        await response.write(whole[: len(whole) // 2])
    await _break(request, manner)
    return response


def _answer(entry: Entry, manner: Manner) -> dict[str, Any]:
    message = {"role": "assistant", "content": text_of(manner.words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {**STAMP, "object": "chat.completion", "choices": [choice]}
    if manner.usage == "absent":
        return body
    return {**body, "usage": usage(entry, manner, written=manner.words)}


def usage(entry: Entry, manner: Manner, *, written: int) -> dict[str, int]:
    if manner.usage == "zero":
        return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    total = entry.prompt_tokens + written + (1000 if manner.usage == "contradictory" else 0)
    return {
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": total,
    }


# Streams


async def _streamed(request: web.Request, entry: Entry, manner: Manner) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await _send(response, _chunk({"role": "assistant", "content": ""}))
    await asyncio.sleep(manner.first_s)
    for number in range(manner.after if manner.breaks in MIDWAY else manner.words):
        await _send(response, _chunk({"content": word(number)}, entry, manner, written=number + 1))
        _wrote(entry, number + 1)
        await asyncio.sleep(manner.word_s)
    if manner.breaks in MIDWAY:
        await _go_wrong(request, response, manner)
    else:
        await _finish(response, entry, manner)
    return response


MIDWAY = (
    "cut",
    "stall",
    "close",
    "close-done",
    "error",
    "broken-json",
    "bad-utf8",
    "not-a-chunk",
)


async def _go_wrong(request: web.Request, response: web.StreamResponse, manner: Manner) -> None:
    if manner.breaks in ("cut", "stall"):
        await _break(request, manner)
    elif manner.breaks == "close-done":
        await response.write(b"data: [DONE]\n\n")
    elif manner.breaks != "close":
        await response.write(b"data: " + _wrong(manner) + b"\n\n")
        await response.write(b"data: [DONE]\n\n")


def _wrong(manner: Manner) -> bytes:
    return {
        "error": json.dumps(_error(manner)).encode(),
        "broken-json": b'{"choices": [{"delta": ',
        "bad-utf8": b'{"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}',
        "not-a-chunk": b'{"choices": ["hello"]}',
    }[manner.breaks]


async def _break(request: web.Request, manner: Manner) -> None:
    if manner.breaks == "stall":
        await asyncio.sleep(STALL_S)
    await asyncio.sleep(0.02)  # so that what was written before is on its way
    if request.transport is not None:
        request.transport.abort()


async def _finish(response: web.StreamResponse, entry: Entry, manner: Manner) -> None:
    last = _chunk({}, finish="stop")
    counted = usage(entry, manner, written=manner.words)
    if manner.usage == "on-finish":
        last["usage"] = counted
    await _send(response, last)
    asked = (entry.fields.get("stream_options") or {}).get("include_usage")
    if asked and manner.usage in ("reported", "zero", "contradictory"):
        await _send(response, {**_chunk({}), "choices": [], "usage": counted})
    if manner.breaks != "no-done":
        await response.write(b"data: [DONE]\n\n")
    entry.whole = True


async def _send(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _chunk(
    delta: dict[str, Any],
    entry: Entry | None = None,
    manner: Manner | None = None,
    *,
    written: int = 0,
    finish: str | None = None,
) -> dict[str, Any]:
    """A provider that contradicts itself counts from the first word, and one word too few."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {**STAMP, "object": "chat.completion.chunk", "choices": [choice]}
    if entry and manner and manner.usage == "contradictory":
        return {**chunk, "usage": usage(entry, manner, written=max(written - 1, 0))}
    return chunk


def _wrote(entry: Entry, words: int) -> None:
    entry.sent = words
    entry.first_at_s = entry.first_at_s or time.monotonic()
