"""The data plane inside the test's own process: gateway, bus and one engine room in one loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connections as django_connections

from inference import engines
from kora_site import errors
from routing import afterwards, catalog, connections
from routing.embeddings import Here
from routing.engine_room import EngineRoom
from routing.gateway import Gateway
from routing.hands import Hands
from routing.switchboard import Switchboard
from routing.way import Room
from teams import keys

THREADS = 4


class Light(engines.Engines):
    """LiteLLM takes seconds to import, and nothing here needs it."""

    def warm(self) -> threading.Thread:
        return threading.current_thread()


Headers = Iterable[tuple[bytes, bytes]]
Message = dict[str, Any]


@dataclass
class Heard:
    """What a client was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, after a look at its envelope: what OpenAI's SDKs read."""
        assert self.status >= 400, self
        assert self.headers["content-type"] == "application/json"
        envelope = self.json()
        assert list(envelope) == ["error"]
        error: dict[str, Any] = envelope["error"]
        assert isinstance(error["message"], str)
        assert error["message"]
        assert isinstance(error["type"], str)
        assert errors.DATA_PLANE[error["code"]] == self.status
        assert error["param"] is None or isinstance(error["param"], str)
        return error

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not self.status, "the reply began twice"
            self.status = message["status"]
            self.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
            return
        assert self.status, "the reply has a body before its start"
        self.body += message.get("body", b"")
        self.complete = not message.get("more_body", False)


class Inside:
    """Speaks raw ASGI to the gateway from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, room: Room) -> None:
        self.room = room
        self._loop = loop
        self.gateway = Gateway(room, errors.explain)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def refresh(self) -> None:
        """Configuration that was just changed, known at once."""
        self.run(self.room.hands.do(catalog.refresh))

    def settle(self) -> None:
        """Until what replies left to do is done."""
        self.run(afterwards.rest())

    def ask(
        self,
        body: bytes | list[bytes] = b"",
        *,
        headers: Headers = (),
        method: str = "POST",
        path: str = "/v1/chat/completions",
    ) -> Heard:
        return self.run(self.asking(body, headers=headers, method=method, path=path))  # type: ignore[no-any-return]

    async def asking(
        self,
        body: bytes | list[bytes] = b"",
        *,
        headers: Headers = (),
        method: str = "POST",
        path: str = "/v1/chat/completions",
        leaves: asyncio.Event | None = None,
        send: Callable[[Message], Awaitable[None]] | None = None,
    ) -> Heard:
        """`body` may come in pieces; the client stays until the end unless it `leaves`."""
        pieces = [body] if isinstance(body, bytes) else list(body)
        heard = Heard()
        end = leaves or asyncio.Event()

        async def receive() -> Message:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
            await end.wait()
            return {"type": "http.disconnect"}

        async def listen(message: Message) -> None:
            if send is not None:
                await send(message)
            heard.take(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.lower(), value) for name, value in headers],
            "client": ("127.0.0.1", 1),
        }
        await self.gateway(scope, receive, listen)
        return heard


@contextmanager
def opened(ours: engines.Engines | None = None) -> Iterator[Inside]:
    """Everything closed again at the end, database connections of threads too.

    With engines of `ours`, an engine room serves the queue `local` with them.
    """
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    thread = threading.Thread(target=loop.run_forever, name="inside", daemon=True)
    thread.start()
    keys.forget_all()
    catalog.refresh()
    stop = asyncio.Event()
    inside, working = asyncio.run_coroutine_threadsafe(_open(loop, stop, ours), loop).result(30)
    try:
        yield inside
    finally:
        asyncio.run_coroutine_threadsafe(_close(inside, stop, working), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        connections.drop()
        keys.forget_all()


async def _open(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Event, ours: engines.Engines | None
) -> tuple[Inside, asyncio.Future[Any]]:
    switchboard = Switchboard()
    await switchboard.open()
    with_engines = {"cloud": Light(), **({"local": ours} if ours else {})}
    rooms = [_engine_room(queue, each) for queue, each in with_engines.items()]
    working = asyncio.gather(*(room.work(stop, drain_s=5) for room in rooms))
    hands = Hands(THREADS, at_end=_drop)
    here = Here(hands)
    room = Room(hands=hands, switchboard=switchboard, here=here, statuses=errors.DATA_PLANE)
    return Inside(loop, room), working


def _engine_room(queue: str, opened: engines.Engines) -> EngineRoom:
    room = EngineRoom(queue=queue, worker=f"{queue}.inside.1", slots=64, lease_s=15)
    room._engines = opened
    return room


async def _close(inside: Inside, stop: asyncio.Event, working: asyncio.Future[Any]) -> None:
    await afterwards.rest()
    stop.set()
    await working
    await inside.room.switchboard.close()
    await asyncio.to_thread(_drop)
    await asyncio.to_thread(inside.room.hands.close)
    await asyncio.get_running_loop().shutdown_default_executor()


def _drop() -> None:
    connections.drop()
    django_connections.close_all()
