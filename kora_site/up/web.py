"""The web process: uvicorn on the socket that the supervisor opened."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys

import uvicorn
from django.conf import settings

from kora_site import asgi
from kora_site.up import door
from kora_site.up.programs import DRAIN_S

BEGIN_S = 0.5
"""Whoever has just been let in may not have said yet what they want."""
LAST_WORDS_S = 2.0
"""Before the drain ends: enough to tell those who wait, and to book what they had by now."""


class Server(uvicorn.Server):
    """Tells those who still wait a moment before they would be cut off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self.server_state.connections:
            await asyncio.sleep(BEGIN_S)
        loop = asyncio.get_running_loop()
        last_words = loop.call_later(DRAIN_S - LAST_WORDS_S, asgi.application.stop)
        try:
            await super().shutdown(sockets)
        finally:
            last_words.cancel()


def main() -> None:
    listening = socket.socket(fileno=int(sys.argv[1]))
    _cut_off_the_deaf(listening)
    behind_proxy = os.environ.get("FORWARDED_ALLOW_IPS", "")
    config = uvicorn.Config(
        "kora_site.asgi:application",
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Without a named proxy a caller could claim any address, and keys may be bound to one.
        proxy_headers=bool(behind_proxy),
        forwarded_allow_ips=behind_proxy or None,
        backlog=door.BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S,
    )
    logging.getLogger("django.request").addFilter(_is_news)
    Server(config).run(sockets=[listening])


def _cut_off_the_deaf(listening: socket.socket) -> None:
    """Connections inherit it. The server would wait forever for a client to read what is left."""
    limit_ms = int(settings.KORA_WRITE_TIMEOUT_S * 1000)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


def _is_news(record: logging.LogRecord) -> bool:
    """A part that is not ready yet is said by /readyz itself; the supervisor asks all the time."""
    return "/readyz" not in record.getMessage()


if __name__ == "__main__":
    main()
