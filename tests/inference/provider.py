"""A provider that misbehaves on purpose, over real HTTP.

Which way is chosen by the request: the header `x-scenario`, or a path `/scenario/<name>/v1/…`, or
else the model's name (`openai/` before it is ignored). An unknown name behaves well.

    async with provider.serving() as upstream: ...      # in the running loop
    with provider.in_thread() as upstream: ...          # in a loop of its own
    python -m tests.inference.provider --port 9999
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Scenario = Callable[["Exchange"], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}
WORDS = ("Hello", " wide", " wörld", " 🌍", "!")
TEXT = "".join(WORDS)
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
SECRET_ECHO = "Incorrect API key provided: sk-test-1234567890abcdef"
STALL_S = 60.0


@dataclass
class Seen:
    """One request as it came, and whether its client hung up before the end of the answer."""

    scenario: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    client_closed: threading.Event = field(default_factory=threading.Event)


class Exchange:
    """One request being answered."""

    def __init__(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.seen = seen
        self.stream = bool(seen.body.get("stream"))
        self._reader = reader
        self._writer = writer
        self.keep = True

    async def raw(self, sent: bytes) -> None:
        self._writer.write(sent)
        await self._writer.drain()

    async def whole(self, status: int, body: bytes, *, headers: str = "", extra: int = 0) -> None:
        """`extra` promises more bytes than are sent."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}"
        length = f"Content-Length: {len(body) + extra}\r\n\r\n"
        await self.raw((head + length).encode() + body)

    async def json(self, status: int, body: Any, *, headers: str = "") -> None:
        await self.whole(status, json.dumps(body).encode(), headers=headers)

    async def error(self, status: int, code: str, message: str, *, headers: str = "") -> None:
        error = {"message": message, "type": "error", "code": code, "param": None}
        await self.json(status, {"error": error}, headers=headers)

    async def begin(self, headers: str = "") -> None:
        await self.raw(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{headers}"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    async def bytes(self, sent: bytes) -> None:
        await self.raw(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")

    async def event(self, body: Any) -> None:
        await self.bytes(b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n")

    async def end(self, *, done: bool = True) -> None:
        if done:
            await self.bytes(b"data: [DONE]\n\n")
        await self.raw(b"0\r\n\r\n")

    def abort(self) -> None:
        self.keep = False
        self._writer.transport.abort()

    async def stall(self, seconds: float = STALL_S) -> None:
        """Says nothing more, and notices when the client goes."""
        self.keep = False
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
        if self._reader.at_eof() or self._reader.exception():
            self.seen.client_closed.set()

    async def words(self, words: tuple[str, ...] = WORDS) -> None:
        await self.event(chunk({"role": "assistant", "content": ""}))
        for word in words:
            await self.event(chunk({"content": word}))

    async def finish(self, usage: Any = USAGE) -> None:
        await self.event(chunk({}, finish="stop"))
        options = self.seen.body.get("stream_options") or {}
        if usage is not None and options.get("include_usage"):
            await self.event({**chunk({}), "choices": [], "usage": usage})


def chunk(delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "mock",
        "choices": [choice],
    }


def answer(usage: Any = USAGE) -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "mock",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    return body if usage is None else {**body, "usage": usage}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    def named(played: Scenario) -> Scenario:
        SCENARIOS[name] = played
        return played

    return named


async def _good(exchange: Exchange, usage: Any = USAGE) -> None:
    if not exchange.stream:
        await exchange.json(200, answer(usage))
        return
    await exchange.begin()
    await exchange.words()
    await exchange.finish(usage)
    await exchange.end()


@scenario("ok")
async def ok(exchange: Exchange) -> None:
    await _good(exchange)


def as_text(body: dict[str, Any]) -> dict[str, Any]:
    """The same in the shape of `/completions`."""
    choices = [
        {
            "index": 0,
            "text": (choice.get("message") or choice["delta"]).get("content", ""),
            "logprobs": None,
            "finish_reason": choice["finish_reason"],
        }
        for choice in body["choices"]
    ]
    return {**body, "object": "text_completion", "choices": choices}


@scenario("text")
async def text(exchange: Exchange) -> None:
    """A server of `/completions`; to whoever asks for chat it has nothing to say."""
    if not exchange.seen.path.endswith("/v1/completions"):
        await exchange.error(404, "not_found", "no such path")
    elif not exchange.stream:
        await exchange.json(200, as_text(answer()))
    else:
        await exchange.begin()
        for word in WORDS:
            await exchange.event(as_text(chunk({"content": word})))
        await exchange.event(as_text(chunk({}, finish="stop")))
        await exchange.event({**as_text(chunk({})), "choices": [], "usage": USAGE})
        await exchange.end()


@scenario("vectors")
async def vectors(exchange: Exchange) -> None:
    """Embeddings, one axis for each input."""
    body = exchange.seen.body
    if not exchange.seen.path.endswith("/v1/embeddings") or "stream" in body:
        await exchange.error(400, "not_found", "no such path, or a field of another one")
        return
    size = body.get("dimensions", 4)
    rows = [
        {"object": "embedding", "index": n, "embedding": [float(n == axis) for axis in range(size)]}
        for n, _ in enumerate(body["input"])
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    await exchange.json(200, {"object": "list", "data": rows, "model": "mock", "usage": usage})


@scenario("usage_absent")
async def usage_absent(exchange: Exchange) -> None:
    await _good(exchange, None)


@scenario("usage_zero")
async def usage_zero(exchange: Exchange) -> None:
    await _good(exchange, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})


def _refusing(name: str, status: int, code: str, message: str = "no", *, headers: str = "") -> None:
    async def played(exchange: Exchange) -> None:
        await exchange.error(status, code, message, headers=headers)

    scenario(name)(played)


TOO_LONG = "This model's maximum context length is 8192 tokens, you sent 9000."
FILTERED = "The response was filtered by our content management policy."
_refusing("429", 429, "rate_limit_exceeded", headers="Retry-After: 7\r\n")
_refusing("429_date", 429, "x", headers="Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n")
_refusing("quota", 429, "insufficient_quota", "You exceeded your current quota")
_refusing("auth", 401, "invalid_api_key", SECRET_ECHO)
_refusing("402", 402, "payment_required")
_refusing("403", 403, "permission_denied")
_refusing("404", 404, "model_not_found", "no such model")
_refusing("408", 408, "timeout")
_refusing("409", 409, "conflict")
_refusing("400", 400, "invalid_request", f"bad temperature; {SECRET_ECHO}")
_refusing("context", 400, "context_length_exceeded", TOO_LONG)
_refusing("context_words", 400, "bad", "prompt is too long: 9000 tokens > 8192 maximum")
_refusing("policy", 400, "content_filter", FILTERED)
_refusing("500", 500, "server_error", SECRET_ECHO)
_refusing("503", 503, "overloaded")
_refusing("redirect", 302, "moved", headers="Location: /scenario/ok/v1/followed\r\n")


@scenario("html_502")
async def html_502(exchange: Exchange) -> None:
    await exchange.whole(502, b"<html><h1>Bad gateway</h1></html>")


@scenario("reset")
async def reset(exchange: Exchange) -> None:
    exchange.abort()


@scenario("silent")
async def silent(exchange: Exchange) -> None:
    await exchange.stall()


@scenario("slow_first")
async def slow_first(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.event(chunk({"role": "assistant", "content": ""}))
    await exchange.stall()


@scenario("comments_only")
async def comments_only(exchange: Exchange) -> None:
    """Keeps the connection warm and never answers."""
    await exchange.begin()
    await _until_gone(exchange, b": still working\n\n")


@scenario("stall")
async def stall(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.words(WORDS[:2])
    await exchange.stall()


@scenario("drip")
async def drip(exchange: Exchange) -> None:
    """Content, then one byte at a time: something always comes, and never a whole chunk."""
    await exchange.begin()
    await exchange.words(WORDS[:1])
    await exchange.bytes(b"data: {")
    await _until_gone(exchange, b" ")


@scenario("endless")
async def endless(exchange: Exchange) -> None:
    await exchange.begin()
    sent = b"data: " + json.dumps(chunk({"content": "x"})).encode() + b"\n\n"
    await _until_gone(exchange, sent)


async def _until_gone(exchange: Exchange, sent: bytes) -> None:
    exchange.keep = False
    until = time.monotonic() + STALL_S
    try:
        while time.monotonic() < until:
            await exchange.bytes(sent)
            await asyncio.sleep(0.02)
    except OSError:
        exchange.seen.client_closed.set()


@scenario("cut_before")
async def cut_before(exchange: Exchange) -> None:
    """The stream opens, and the connection breaks before any content."""
    if exchange.stream:
        await exchange.begin()
        await exchange.event(chunk({"role": "assistant", "content": ""}))
        await asyncio.sleep(0.05)
    else:
        await exchange.whole(200, b"", extra=100)
    exchange.abort()


@scenario("cut_after")
async def cut_after(exchange: Exchange) -> None:
    if exchange.stream:
        await exchange.begin()
        await exchange.words(WORDS[:2])
        await asyncio.sleep(0.05)
    else:
        await exchange.whole(200, json.dumps(answer()).encode()[:40], extra=100)
        await asyncio.sleep(0.05)
    exchange.abort()


@scenario("no_finish")
async def no_finish(exchange: Exchange) -> None:
    """Ends in good order, but in the middle of the answer: neither a finish nor [DONE]."""
    await exchange.begin()
    await exchange.words(WORDS[:2])
    await exchange.end(done=False)


@scenario("done_without_finish")
async def done_without_finish(exchange: Exchange) -> None:
    """What a proxy makes of an upstream that broke off."""
    await exchange.begin()
    await exchange.words(WORDS[:2])
    await exchange.end()


@scenario("no_done")
async def no_done(exchange: Exchange) -> None:
    """The answer is whole; only the last line is missing."""
    await exchange.begin()
    await exchange.words()
    await exchange.finish()
    await exchange.end(done=False)


@scenario("lingering")
async def lingering(exchange: Exchange) -> None:
    """Everything came, but the response is never ended."""
    await exchange.begin()
    await exchange.words()
    await exchange.finish()
    await exchange.bytes(b"data: [DONE]\n\n")
    await exchange.stall()


@scenario("error_inside")
async def error_inside(exchange: Exchange) -> None:
    error = {"error": {"message": "overloaded", "type": "server_error", "code": None}}
    await _error(exchange, error, words=WORDS[:2])


@scenario("error_first")
async def error_first(exchange: Exchange) -> None:
    error = {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
    await _error(exchange, {"error": error}, words=())


async def _error(exchange: Exchange, error: Any, *, words: tuple[str, ...]) -> None:
    if not exchange.stream:
        await exchange.json(200, error)
        return
    await exchange.begin()
    if words:
        await exchange.words(words)
    await exchange.event(error)
    await exchange.end()


@scenario("malformed")
async def malformed(exchange: Exchange) -> None:
    if not exchange.stream:
        await exchange.whole(200, b'{"choices": [')
        return
    await exchange.begin()
    await exchange.words(WORDS[:2])
    await exchange.bytes(b'data: {"choices": [{"delta": \n\n')
    await exchange.end()


@scenario("misshapen")
async def misshapen(exchange: Exchange) -> None:
    if not exchange.stream:
        await exchange.json(200, {"choices": []})
        return
    await exchange.begin()
    await exchange.event({"choices": ["hello"]})
    await exchange.end()


@scenario("bad_utf8")
async def bad_utf8(exchange: Exchange) -> None:
    if not exchange.stream:
        await exchange.whole(200, json.dumps(answer()).encode().replace(b"Hello", b"\xff\xfe"))
        return
    await exchange.begin()
    await exchange.bytes(b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n')
    await exchange.end()


@scenario("split_utf8")
async def split_utf8(exchange: Exchange) -> None:
    """Every byte is a chunk of its own, and lines end in CRLF."""
    await exchange.begin()
    pieces = [chunk({"role": "assistant"}), *(chunk({"content": word}) for word in WORDS)]
    pieces += [chunk({}, finish="stop"), {**chunk({}), "choices": [], "usage": USAGE}]
    text = "".join(f"data: {json.dumps(piece, ensure_ascii=False)}\r\n\r\n" for piece in pieces)
    for byte in text.encode():
        await exchange.bytes(bytes([byte]))
    await exchange.end()


@scenario("gzip")
async def gzipped(exchange: Exchange) -> None:
    packed = gzip.compress(json.dumps(answer()).encode())
    await exchange.whole(200, packed, headers="Content-Encoding: gzip\r\n")


@scenario("gzip_bomb")
async def gzip_bomb(exchange: Exchange) -> None:
    packed = gzip.compress(b" " * (200 * 1024 * 1024), compresslevel=9)
    await exchange.whole(200, packed, headers="Content-Encoding: gzip\r\n")


@scenario("brotli")
async def brotli(exchange: Exchange) -> None:
    await exchange.whole(200, b"\x0b\x02\x80", headers="Content-Encoding: br\r\n")


@scenario("huge")
async def huge(exchange: Exchange) -> None:
    """A line of 11 MB in a stream, an answer of 40 MB otherwise."""
    exchange.keep = False
    with contextlib.suppress(OSError):
        if exchange.stream:
            await exchange.begin()
            await exchange.bytes(b"data: ")
            for _ in range(11):
                await exchange.bytes(b" " * 1024 * 1024)
            await exchange.end()
        else:
            await exchange.whole(200, b" " * 40 * 1024 * 1024)


class Provider:
    """The server; `seen` holds every request in order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.origin = ""
        self._server: asyncio.Server | None = None
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def api_base(self, scenario: str = "") -> str:
        return f"{self.origin}/scenario/{scenario}/v1" if scenario else f"{self.origin}/v1"

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.origin = f"http://{host}:{port}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would report its cancellation as an error.
        self._connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self._connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(reader, writer, connection):
                pass
        writer.transport.abort()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        body = json.loads(raw) if raw else {}
        seen = Seen(_chosen(path, headers, body), path, headers, body, connection)
        self.seen.append(seen)
        exchange = Exchange(seen, reader, writer)
        await SCENARIOS.get(seen.scenario, ok)(exchange)
        return exchange.keep


def _chosen(path: str, headers: dict[str, str], body: dict[str, Any]) -> str:
    if "x-scenario" in headers:
        return headers["x-scenario"]
    parts = path.strip("/").split("/")
    if parts[0] == "scenario" and len(parts) > 1:
        return parts[1]
    return str(body.get("model", "ok")).removeprefix("openai/")


@contextlib.asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[Provider]:
    upstream = Provider()
    await upstream.start(port)
    try:
        yield upstream
    finally:
        await upstream.stop()


@contextlib.contextmanager
def in_thread(port: int = 0) -> Iterator[Provider]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bad-provider", daemon=True)
    thread.start()
    upstream = Provider()
    asyncio.run_coroutine_threadsafe(upstream.start(port), loop).result(10)
    try:
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(upstream.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _forever(port: int) -> None:
    async with serving(port) as upstream:
        print(f"{upstream.api_base()} plays: {', '.join(sorted(SCENARIOS))}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A provider that misbehaves on purpose.")
    arguments.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_forever(arguments.parse_args().port))
