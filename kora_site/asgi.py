"""Two doors, one process: `/v1/*` goes to the gateway, everything else to Django."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kora_site.settings")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

# Models can be imported only now that Django is set up.
from django.conf import settings

from kora_site import errors
from routing import afterwards, catalog, connections, embedders, embeddings, judges, trials
from routing.errors import Refusal
from routing.gateway import Gateway, Receive, Scope, Send
from routing.hands import Hands
from routing.switchboard import Switchboard
from routing.way import Room

SWITCH_INTERVAL_S = 0.001
"""Threads run short steps between the event loop's: a shorter turn keeps its latency even."""
LAST_WORDS_S = 3.0
"""The watch writes down when keys were last used; the process would take it along."""


def _is_data_plane(path: str) -> bool:
    return path == "/v1" or path.startswith("/v1/")


class Kora:
    """The application that the web server runs; its lifespan opens and closes the room."""

    def __init__(self) -> None:
        self._gateway: Gateway | None = None
        self._stop = threading.Event()
        self._watch = threading.Thread(
            target=catalog.watch, args=(self._stop,), name="catalog", daemon=True
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_data_plane(scope["path"]):
            await self._data_plane(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await django_app(scope, receive, send)  # type: ignore[arg-type]

    async def _data_plane(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._gateway is None:
            raise RuntimeError("the web server must run with lifespan on")
        await self._gateway(scope, receive, send)

    def stop(self) -> None:
        """Whoever still waits for an answer is told, and gets no more of it."""
        if self._gateway is not None:
            self._gateway.stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        switchboard, room = await self._open()
        judging = asyncio.create_task(judges.watch(room))
        trying = asyncio.create_task(trials.watch(room))
        metering = asyncio.create_task(room.meter.stay(switchboard.redis))
        await send({"type": "lifespan.startup.complete"})
        threading.Thread(target=embedders.warm, name="warm-embedder", daemon=True).start()
        await receive()
        self._stop.set()
        await afterwards.end(judging, trying, metering)
        room.meter.close()
        await switchboard.close()
        await asyncio.to_thread(self._watch.join, LAST_WORDS_S)
        await asyncio.to_thread(embedders.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> tuple[Switchboard, Room]:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        switchboard = Switchboard()
        await switchboard.open()
        hands = Hands(settings.KORA_WEB_THREADS, at_end=connections.drop)
        room = Room(
            hands=hands,
            switchboard=switchboard,
            here=embeddings.Here(hands),
            statuses=errors.DATA_PLANE,
        )
        self._gateway = Gateway(room, errors.explain)
        with contextlib.suppress(Refusal):
            await hands.do(catalog.refresh)
        self._watch.start()
        return switchboard, room


application = Kora()
