"""The data plane's door: `/v1/*` as a plain ASGI application, in front of Django."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from django.conf import settings

from routing import execution, inquiries, pipeline
from routing.errors import Disconnected, NotFound, TooLarge, WrongMethod
from routing.replies import JSON, SSE, Reply
from routing.way import Incoming, Room

log = structlog.get_logger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Explain = Callable[[Exception], Reply]
Answer = Awaitable[Reply]


class Gateway:
    """Reads a request, has it answered, and writes the reply until it ends or the client leaves."""

    def __init__(self, room: Room, explain: Explain) -> None:
        self._room = room
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            incoming = await _read(scope, receive)
        except Disconnected:
            return
        except TooLarge as error:
            await _write(self._explain(error), send)
            return
        answering = asyncio.ensure_future(self._answer_and_write(scope, incoming, send))
        if await _finishes_soon(answering):
            return
        await _until_the_client_leaves(answering, receive)

    async def _answer_and_write(self, scope: Scope, incoming: Incoming, send: Send) -> None:
        try:
            reply = await self._answer(scope, incoming)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001
            reply = self._explain(error)
        await _write(reply, send)

    def _answer(self, scope: Scope, incoming: Incoming) -> Answer:
        """The whole table of the data plane's paths."""
        method, path = scope["method"], scope["path"].rstrip("/")
        if path == "/v1/chat/completions":
            _only("POST", method)
            return pipeline.answer(incoming, self._room)
        if path == "/v1/route":
            _only("POST", method)
            return self._ask(inquiries.route, incoming)
        _only("GET", method)
        if path == "/v1/models":
            return self._ask(inquiries.models, incoming)
        if path.startswith("/v1/models/"):
            return self._ask(inquiries.model, incoming, path.removeprefix("/v1/models/"))
        if path.startswith("/v1/requests/"):
            return self._ask(inquiries.receipt, incoming, path.removeprefix("/v1/requests/"))
        raise NotFound(f"There is no {path} here.")

    def _ask(self, inquiry: Callable[..., Reply], incoming: Incoming, *more: str) -> Answer:
        return execution.in_thread(self._room, inquiry, incoming, self._room, *more)


def _only(allowed: str, method: str) -> None:
    if method != allowed:
        raise WrongMethod(f"Use {allowed} here, not {method}.")


async def _read(scope: Scope, receive: Receive) -> Incoming:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    limit = settings.KORA_BODY_LIMIT_BYTES
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    client = scope.get("client")
    return Incoming(
        raw=await _body(receive, limit), headers=headers, address=client[0] if client else ""
    )


async def _body(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body
    pieces, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


SOON_S = 0.005


async def _finishes_soon(answering: asyncio.Future[None]) -> bool:
    """Most answers without a model need nobody to watch whether the client is still there."""
    done, _ = await asyncio.wait((answering,), timeout=SOON_S)
    for task in done:
        task.result()
    return bool(done)


async def _until_the_client_leaves(answering: asyncio.Future[None], receive: Receive) -> None:
    leaving = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            answering.cancel()
        with contextlib.suppress(asyncio.CancelledError, Disconnected):
            await answering
    except asyncio.CancelledError:
        answering.cancel()
        await asyncio.wait((answering,), timeout=5)
        raise
    finally:
        leaving.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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
    async with contextlib.aclosing(stream):  # type: ignore[type-var]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        async for piece in stream:
            try:
                async with asyncio.timeout(settings.KORA_WRITE_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError as error:
                raise Disconnected from error
        await send({"type": "http.response.body", "body": b""})
