"""The data plane's door: `/v1/*` as a plain ASGI application, in front of Django."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings

from routing import feedback, inquiries, limits, pipeline
from routing.errors import (
    Disconnected,
    InvalidRequest,
    NotFound,
    Stopping,
    TooLarge,
    WrongMethod,
)
from routing.replies import JSON, SSE, Reply
from routing.way import Incoming, Room

log = structlog.get_logger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Explain = Callable[[Exception], Reply]
Answer = Awaitable[Reply]
LONGEST_LENGTH = 18
"""Digits of a Content-Length that is still worth reading as a number."""


class Gateway:
    """Reads a request, has it answered, and writes the reply until it ends or the client leaves."""

    def __init__(self, room: Room, explain: Explain) -> None:
        self._room = room
        self._explain = explain
        self._answering: set[asyncio.Task[Any] | None] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch, task = Watch(receive), asyncio.current_task()
        self._answering.add(task)
        try:
            reply = await self._reply(scope, receive, watch)
            await _write(reply, send)
        except Disconnected:
            return
        except asyncio.CancelledError:
            if not (watch.has_seen_them_leave or self._room.stopping.is_set()):
                raise
        finally:
            self._answering.discard(task)
            watch.end()

    def stop(self) -> None:
        """Tells all who still wait that KORA is stopping, and books what they had by now."""
        self._room.stopping.set()
        for task in self._answering:
            if task is not None:
                task.cancel()

    async def _reply(self, scope: Scope, receive: Receive, watch: Watch) -> Reply:
        try:
            return await self._answer(scope, await _read(scope, receive, watch))
        except Disconnected:
            raise
        except asyncio.CancelledError:
            if watch.has_seen_them_leave or not self._room.stopping.is_set():
                raise
            return self._explain(Stopping())
        except Exception as error:  # noqa: BLE001
            return self._explain(error)

    def _answer(self, scope: Scope, incoming: Incoming) -> Answer:
        """The whole table of the data plane's paths."""
        method, path = scope["method"], scope["path"].rstrip("/")
        if path == "/v1/chat/completions":
            _only("POST", method)
            return pipeline.answer(incoming, self._room)
        if path == "/v1/completions":
            _only("POST", method)
            return pipeline.answer(replace(incoming, form="text"), self._room)
        if path == "/v1/embeddings":
            _only("POST", method)
            return pipeline.answer(replace(incoming, form="embeddings"), self._room)
        if path == "/v1/route":
            _only("POST", method)
            return self._ask(inquiries.route, incoming)
        if path == "/v1/feedback":
            _only("POST", method)
            return self._ask(feedback.take, incoming)
        if path == "/v1/models":
            _only("GET", method)
            return self._ask(inquiries.models, incoming)
        folder, _, name = path.removeprefix("/v1/").partition("/")
        one = {"models": inquiries.model, "requests": inquiries.receipt}.get(folder)
        if one is None or not name:
            raise NotFound(f"There is no {path} here.")
        _only("GET", method)
        return self._ask(one, incoming, name)

    def _ask(self, inquiry: Callable[..., Reply], incoming: Incoming, *more: str) -> Answer:
        return limits.first(incoming, self._room, inquiry, incoming, self._room, *more)


def _only(allowed: str, method: str) -> None:
    if method != allowed:
        raise WrongMethod(f"Use {allowed} here, not {method}.")


class Watch:
    """Cancels the answering task when its client leaves; costs nothing until it begins."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._answering = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self.has_seen_them_leave = False

    def begin(self) -> None:
        if self._watching is None:
            self._watching = asyncio.create_task(self._wait())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_seen_them_leave = True
        if self._answering is not None:
            self._answering.cancel()


async def _read(scope: Scope, receive: Receive, watch: Watch) -> Incoming:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    limit = settings.KORA_BODY_LIMIT_BYTES
    declared = headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > LONGEST_LENGTH or int(declared) > limit):
        raise TooLarge(f"The body may have at most {limit} bytes.")
    client = scope.get("client")
    return Incoming(
        raw=await _body(receive, limit),
        headers=headers,
        address=client[0] if client else "",
        watch=watch.begin,
    )


async def _body(receive: Receive, limit: int) -> bytes:
    """A body that comes drop by drop holds a connection no longer than a client that reads none."""
    try:
        async with asyncio.timeout(settings.KORA_WRITE_TIMEOUT_S):
            return await _whole_body(receive, limit)
    except TimeoutError as error:
        raise InvalidRequest("The body did not arrive in time.") from error


async def _whole_body(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _write(reply: Reply, send: Send) -> None:
    if reply.stream is not None:
        await _write_stream(reply, send)
        return
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    if "content-type" not in reply.headers:
        headers.append((b"content-type", JSON.encode()))
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _write_stream(reply: Reply, send: Send) -> None:
    """A client that takes nothing for too long is treated as one that left."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers += [(b"content-type", SSE.encode()), (b"cache-control", b"no-cache")]
    stream = reply.stream
    if stream is None:
        return
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    async with contextlib.aclosing(stream):  # type: ignore[type-var]
        async for piece in stream:
            try:
                async with asyncio.timeout(settings.KORA_WRITE_TIMEOUT_S):
                    if start:
                        # Only now: a stream that never began could not end its request either.
                        await send(start)
                        start = {}
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError as error:
                raise Disconnected from error
        await send({"type": "http.response.body", "body": b""})
