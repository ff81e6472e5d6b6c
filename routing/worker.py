"""The step of a Celery worker that opens its engine room and closes it at the end."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import Any

import structlog
import uvloop
from celery import bootsteps
from django.conf import settings

from routing.engine_room import EngineRoom

log = structlog.get_logger(__name__)


class EngineRoomStep(bootsteps.StartStopStep):
    """Calls come by Redis list, not as Celery messages: docs/decisions.md has the figures."""

    requires = ("celery.worker.components:Pool",)  # type: ignore[assignment]

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)  # type: ignore[no-untyped-call]
        self._queue = settings.KORA_WORKER_QUEUE
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-room", daemon=True)

    def start(self, parent: Any) -> None:
        del parent
        self._thread.start()
        self._ready.wait(10)

    def stop(self, parent: Any) -> None:
        del parent
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(settings.KORA_DRAIN_S + 15)

    terminate = stop

    def _run(self) -> None:
        uvloop.run(self._work())

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        room = EngineRoom(
            queue=self._queue,
            worker=f"{self._queue}.{socket.gethostname()}.{os.getpid()}",
            slots=slots(self._queue),
            lease_s=settings.KORA_LEASE_S,
        )
        self._ready.set()
        await room.work(self._stop, drain_s=settings.KORA_DRAIN_S)


def slots(queue: str) -> int:
    """Engines of our own have their own bounds and say no at once; what waits before them would be
    waiting where neither they nor the router sees it."""
    return settings.KORA_LOCAL_SLOTS if queue == "local" else settings.KORA_WORKER_SLOTS
