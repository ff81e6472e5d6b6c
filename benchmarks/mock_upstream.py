"""An OpenAI-compatible upstream on loopback that costs as little as it can."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import uvloop

from benchmarks.wire import LENGTH

USAGE = {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}
STAMP = {"id": "chatcmpl-mock", "created": 1_700_000_000, "model": "mock"}
ANSWER = {
    **STAMP,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "A bridge carries a road over water."},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}
MODELS = {"object": "list", "data": [{"id": "mock", "object": "model", "owned_by": "kora"}]}


def plain(content: Mapping[str, object], status: str = "200 OK") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def chunk(event: str) -> bytes:
    line = f"data: {event}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(line), line)


def piece(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return chunk(json.dumps({**STAMP, "object": "chat.completion.chunk", "choices": [choice]}))


CHAT = plain(ANSWER)
LIST = plain(MODELS)
MISSING = plain({"error": {"message": "no such path", "type": "invalid_request_error"}}, "404 -")
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
OPENING = piece({"role": "assistant", "content": ""})
TOKEN = piece({"content": "bridge "})
CLOSING = (
    piece({}, "stop")
    + chunk(json.dumps({**STAMP, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}))
    + chunk("[DONE]")
    + b"0\r\n\r\n"
)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the mock streams: that many tokens, that far apart; and how long it thinks."""

    tokens: int = 32
    gap_s: float = 0.0
    think_s: float = 0.0


@dataclass
class Upstream(asyncio.Protocol):
    manner: Manner
    pending: bytes = b""
    transport: asyncio.Transport | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, _: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.pending = self.pending + data if self.pending else data
        end = self.pending.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self.pending, 0, end)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.pending) >= whole:
            asked, self.pending = self.pending[:whole], self.pending[whole:]
            self.answer(asked)

    def answer(self, asked: bytes) -> None:
        path = asked[: asked.find(b"\r\n")]
        if b"/chat/completions" in path:
            self.chat(asked)
        else:
            self.write(LIST if b"/models" in path else MISSING)

    def chat(self, asked: bytes) -> None:
        streamed = b'"stream":true' in asked or b'"stream": true' in asked
        if streamed and not self.manner.gap_s:
            self.write(STREAM_HEAD + OPENING + TOKEN * self.manner.tokens + CLOSING)
        elif streamed or self.manner.think_s:
            task = asyncio.ensure_future(self.slow(streamed=streamed))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            self.write(CHAT)

    async def slow(self, *, streamed: bool) -> None:
        await asyncio.sleep(self.manner.think_s)
        if not streamed:
            self.write(CHAT)
            return
        self.write(STREAM_HEAD + OPENING)
        for _ in range(self.manner.tokens):
            self.write(TOKEN)
            await asyncio.sleep(self.manner.gap_s)
        self.write(CLOSING)

    def write(self, answer: bytes) -> None:
        assert self.transport is not None
        self.transport.write(answer)


async def serve(host: str, port: int, manner: Manner) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(manner), host, port)
    print(f"mock upstream at http://{host}:{port}/v1", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mock_upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--tokens", type=int, default=32, help="tokens of a streamed answer")
    parser.add_argument("--gap-ms", type=float, default=0.0, help="pause between two tokens")
    parser.add_argument("--think-ms", type=float, default=0.0, help="pause before an answer")
    given = parser.parse_args()
    manner = Manner(tokens=given.tokens, gap_s=given.gap_ms / 1000, think_s=given.think_ms / 1000)
    uvloop.run(serve(given.host, given.port, manner))


if __name__ == "__main__":
    main()
